"""Ways to break what sees changes, one by one, in the process of a pass."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from buildstate_core.vocabulary import Seen
from buildstate_worker.fingerprint.code.walk.bindings import Frame
from buildstate_worker.fingerprint.code.walk.data import Data
from buildstate_worker.fingerprint.code.walk.reach import Reach
from buildstate_worker.reads import comparing
from buildstate_worker.reads.judging import _Judging
from buildstate_worker.reads.uses import Use

from ..breaking import always


def _set(where: Any, name: str, broken: Any) -> Callable[[], None]:
    return lambda: setattr(where, name, broken)


def _count_looks() -> None:
    usual = Reach._function_text

    def with_looks(reach: Reach, function: Any, frame: Frame, owner: Any) -> Iterator[str]:
        yield from usual(reach, function, frame, owner)
        yield frame.file.path.read_text(encoding="utf-8")

    _set(Reach, "_function_text", with_looks)()


def _overlook_the_absent() -> None:
    usual = _Judging._what

    def what(judging: _Judging, place: str, use: Use) -> Seen | None:
        found = usual(judging, place, use)
        return None if found is Seen.ABSENT else found

    _set(_Judging, "_what", what)()


BROKEN: Final[Mapping[str, Callable[[], None]]] = {
    "code: the function's own text alone": _set(Reach, "_references", always(())),
    "code: no data": _set(Data, "text", always("")),
    "reads: compared as unchanged": _set(comparing, "_is_same", always(True)),
    "reads: no listings": _set(_Judging, "listings", always(())),
    "reads: nothing absent": _overlook_the_absent,
    "code: by its looks": _count_looks,
    "reads: compared as changed": _set(comparing, "_is_same", always(False)),
}
