"""What a function or a command was seen to read, judged when it has ended.

A file counts if it lies in the project, was there before the function began, and is neither ignored
nor known otherwise. That it was there is known by its time of change: no program can set that back.
A file whose time is later was made or changed meanwhile, by a child process mostly, unless git
knows it: it counts where it is, and need not be there. One that was changed after it had been
opened is never the same as anything: nobody can tell which content was read.
"""

import os
import stat
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from buildstate_core.errors import InvalidInput
from buildstate_core.models import Discovered
from buildstate_core.models.claims import MAX_DISCOVERED
from buildstate_core.vocabulary import Seen
from buildstate_worker.reads.arguments import Arguments
from buildstate_worker.reads.digests import Digests
from buildstate_worker.reads.hook import Recording
from buildstate_worker.reads.listing import listings
from buildstate_worker.reads.made import Made
from buildstate_worker.reads.names import ALL, named
from buildstate_worker.reads.scope import Scope
from buildstate_worker.reads.uses import Use, uses_of
from buildstate_worker.reads.wording import Wording

_MOST_BYTES: Final = 3_000_000
_AROUND_DIGEST: Final = 120


@dataclass(frozen=True)
class Judged:
    """What a function was seen to read and to make.

    Attributes:
        reads: What is compared before it is skipped.
        made: The paths of files that it wrote.
        warnings: What the user should know.
        outside: Files outside of the project that were read, as far as that was seen. They are not
            compared.
    """

    reads: tuple[Discovered, ...]
    made: frozenset[str]
    warnings: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


def judge(
    seen: Recording,
    scope: Scope,
    arguments: Arguments,
    *,
    state: int,
    stands_on: Collection[int],
    digests: Digests,
    made: Made,
    wording: Wording,
    code: Collection[str] = frozenset(),
) -> Judged:
    """Judge what a function or a command has read.

    Args:
        seen: What it did.
        scope: What counts.
        arguments: The paths that it was called with.
        state: Its state.
        stands_on: The steps since the checkpoint that it continues from: they are done again on
            every machine that lacks them, and so is what they made.
        digests: Those that are known on this machine.
        made: What was made before for this build on this machine.
        wording: How the user says what counts.
        code: The paths of files that are code, which is compared as such.

    Raises:
        InvalidInput: It read what an earlier state made and did not hand over.
    """
    judging = _Judging(seen, scope, digests, made, wording=wording, code=code)
    judging.refuse_made_below(state, stands_on)
    given = arguments.places
    found: dict[str, Discovered] = {}
    for each in (
        *arguments.reads(digests, made),
        *judging.files(given),
        *judging.listings(given),
        *judging.left(),
    ):
        found.setdefault(each.path, each)
    reads = list(found.values())
    digests.save()
    warnings = list(judging.warnings)
    what = _too_much(seen, reads)
    if what is not None:
        reads = [Discovered(path=ALL, what=Seen.UNSTABLE)]
        warnings.append(
            f"What it read is not compared, since {what}: it runs again each time. Name its"
            f" inputs with {wording.declare}, and leave out the rest with {wording.leave_out}."
        )
    return Judged(tuple(reads), judging.made_now, tuple(warnings))


def written(seen: Recording, scope: Scope) -> frozenset[str]:
    """Return the paths of what a function has written, however it ended."""
    return _written(uses_of(seen, scope.project), scope)


class _Judging:
    """The judgement of one recording."""

    def __init__(
        self,
        seen: Recording,
        scope: Scope,
        digests: Digests,
        made: Made,
        *,
        wording: Wording,
        code: Collection[str],
    ) -> None:
        self._began_ns = seen.began_ns
        self._scope = scope
        self._digests = digests
        self._made = made
        self._uses = uses_of(seen, scope.project)
        self._wording = wording
        self._code = frozenset(code)
        self._made_by_children: set[str] = set()
        self._left: set[str] = set()
        self.warnings: list[str] = []

    @cached_property
    def _written(self) -> frozenset[str]:
        return _written(self._uses, self._scope)

    @property
    def made_now(self) -> frozenset[str]:
        """The paths of what was written or made."""
        return self._written | self._made_by_children

    def refuse_made_below(self, state: int, stands_on: Collection[int]) -> None:
        """Refuse what an earlier state made and did not return."""
        for place, use in self._uses.items():
            status = None if use.is_written_first else _status(use.path)
            if not use.may_be_read or status is None or not self._scope.may_be_made(place):
                continue
            if not stat.S_ISREG(status.st_mode):
                continue
            maker = self._made.maker_of(use.path, status)
            if maker is None or maker.is_result or maker.state >= state:
                continue
            if maker.state not in stands_on:
                raise _made_by_an_earlier_state(place, state, maker.state, self._wording)

    def files(self, given: Collection[str]) -> Iterator[Discovered]:
        """Yield what was opened, but for what it was given."""
        read = {
            place: use
            for place, use in self._uses.items()
            if use.may_be_read and place not in given
        }
        for place in sorted(self._scope.counting(read)):
            what = self._what(place, read[place])
            if what is Seen.UNSTABLE:
                self.warnings.append(
                    f"{place} was changed while this ran, which reads it: it runs again each time."
                    f" If that does not matter: {self._wording.leaving_out(place)}"
                )
                yield Discovered(path=named(place), what=what)
            elif what is Seen.ABSENT:
                yield Discovered(path=named(place), what=what)
            elif what is not None:
                digest = self._digests.of(self._scope.project.path_of(place))
                seen = Seen.UNSTABLE if digest is None else what
                yield Discovered(path=named(place), what=seen, digest=digest)

    def listings(self, given: Collection[str]) -> Iterator[Discovered]:
        """Yield whose names were listed, but for what it was given."""
        listed = {
            place: use.listed_ns
            for place, use in self._uses.items()
            if use.listed_ns is not None and place not in given and self._may_list(place)
        }
        counting = listed.keys() - self._scope.project.ignored(listed)

        def keep(place: str, name: str, entry: "os.DirEntry[str]") -> bool:
            return self._was_there(name, entry, listed[place])

        found = listings(sorted(counting), self._scope, self._made, keep=keep)
        for place, digest in found.items():
            yield Discovered(path=named(place), what=Seen.LISTING, digest=digest)

    def left(self) -> Iterator[Discovered]:
        """Yield what was made in folders before they were listed. Call it after `listings`."""
        for place in sorted(self._left):
            yield Discovered(path=named(place), what=Seen.LEFT)

    def _may_list(self, place: str) -> bool:
        return place == ALL or self._scope.may_hold(place)

    def _what(self, place: str, use: Use) -> Seen | None:
        """Return what was seen at a place; `None` for nothing that counts."""
        status = _status(use.path)
        is_code = {use.path, self._scope.project.path_of(place)} & self._code
        if is_code:
            return None
        if use.is_missed_first and (status is None or use.is_written or use.read_ns is None):
            return Seen.ABSENT
        if use.is_written_first:
            return None
        if status is None:
            is_gone = use.is_removed or use.is_written
            what = Seen.UNSTABLE if is_gone else Seen.ABSENT
            return what if is_gone or use.is_opened else None
        is_file = stat.S_ISREG(status.st_mode)
        if not is_file or self._made.maker_of(use.path, status) is not None:
            return None
        return self._what_file(place, use, status)

    def _what_file(self, place: str, use: Use, status: os.stat_result) -> Seen | None:
        """Return what was seen at the place of a file, by when it was changed."""
        changed_ns = status.st_ctime_ns
        is_by_child = use.told_ns is not None and changed_ns >= use.told_ns
        if is_by_child:
            self._made_by_children.add(use.path)
        if use.read_ns is None and is_by_child:
            return None
        if (use.is_written or is_by_child) and self._made.has(use.path):
            return None  # it goes on with what an earlier attempt has left
        first_ns = use.read_ns or use.told_ns or 0
        if use.is_written or changed_ns > first_ns:
            return Seen.UNSTABLE
        is_later = changed_ns > self._began_ns and place not in self._tracked
        return Seen.LEFT if is_later else Seen.FILE

    def _was_there(self, place: str, entry: "os.DirEntry[str]", listed_ns: int) -> bool:
        """Return whether a name was in a folder before the function began."""
        try:
            status = entry.stat()
        except OSError:
            return True
        is_folder, is_made = stat.S_ISDIR(status.st_mode), entry.path in self.made_now
        if is_folder and is_made:  # what is put into it later changes what it looks like
            self._left.add(place)
            return False
        if is_folder or status.st_ctime_ns <= self._began_ns or place in self._tracked:
            return True
        if status.st_ctime_ns <= listed_ns and not is_made:
            self._left.add(place)
        return False

    @property
    def _tracked(self) -> frozenset[str]:
        return self._scope.project.tracked


def _written(uses: Mapping[str, Use], scope: Scope) -> frozenset[str]:
    return frozenset(
        use.path for place, use in uses.items() if use.is_written and scope.may_be_made(place)
    )


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116 - quick
    except OSError:
        return None


def loaded_modules() -> frozenset[str]:
    """Return the files of the modules that are loaded here: they are code."""
    found = (getattr(each, "__dict__", {}).get("__file__") for each in list(sys.modules.values()))
    return frozenset(each for each in found if isinstance(each, str))


def _too_much(seen: Recording, reads: Sequence[Discovered]) -> str | None:
    if seen.is_full or len(reads) > MAX_DISCOVERED:
        return f"it read more than {MAX_DISCOVERED} files"
    size = sum(len(each.path.encode()) + _AROUND_DIGEST for each in reads)
    return "the names of what it read are too long" if size > _MOST_BYTES else None


def _made_by_an_earlier_state(place: str, state: int, maker: int, wording: Wording) -> InvalidInput:
    return InvalidInput(
        f"State {state} read {place}, which state {maker} made on this machine and"
        f" {wording.not_handed_over}: the next worker has an old one or none.",
        code="made-by-an-earlier-state",
        field=wording.field,
        hint=f"Name it as an artifact of state {maker}: {wording.hand_over}. Should it not"
        f" matter: {wording.leaving_out(place)}",
    )
