"""What a milestone leaves in its process besides what it returns.

A skipped call leaves nothing: what it would have set for a later one is lost when a build resumes.
So the state is compared before and after, and what changed is for the caller to refuse.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from buildstate_worker.fingerprint.code.code_of import Reached, is_no_result, reached_by
from buildstate_worker.fingerprint.code.walk.ledger import Place
from buildstate_worker.fingerprint.code.walk.objects import is_code
from buildstate_worker.fingerprint.code.walk.resolve import MISSING
from buildstate_worker.fingerprint.code.walk.values import Values, is_constant

_OURS: Final = ("BLDST_", "PREFECT_")
"""Variables that BuildState and Prefect set while a milestone runs."""


@dataclass(frozen=True)
class ProcessState:
    """The state of this process that a function can leave something in.

    Attributes:
        folder: The working directory; `None` if it is gone.
        environment: The environment, as digests: it holds secrets.
        arguments: Those of the program.
        data: The data of modules that the function reaches, with what stands for its content.
        reached: What the function reaches.
    """

    folder: str | None
    environment: Mapping[str, str]
    arguments: tuple[str, ...]
    data: Mapping[Place, object]
    reached: Reached

    @classmethod
    def take(
        cls,
        function: Callable[..., Any],
        *,
        is_result: Callable[[object], bool] = is_no_result,
    ) -> "ProcessState":
        """Return the state as it is now, before a function runs.

        The arguments are those of `code_of`, and the errors.
        """
        reached = reached_by(function, is_result=is_result)
        return cls(
            folder=_folder(),
            environment=_environment(),
            arguments=tuple(map(str, sys.argv)),
            data={each: _now(each, reached) for each in reached.places},
            reached=reached,
        )

    def changes(self, *, is_alone: bool = True) -> list[str]:
        """Return what has changed since it was taken, each as a sentence can name it.

        Such as `the working directory`, `the environment variable MIRROR`, `CONFIG in pipeline.py`.
        The code is not looked at again: what the function has made reachable was not there to be
        changed, and may be nothing that can be followed.

        Args:
            is_alone: Whether nobody else has run in this process meanwhile, so that what belongs to
                the whole process can only have been changed by the function.
        """
        changed = self._changes_of_process() if is_alone else []
        data = {each.label for each, old in self.data.items() if _now(each, self.reached) != old}
        return changed + sorted(data)

    def _changes_of_process(self) -> list[str]:
        changed = [] if _folder() == self.folder else ["the working directory"]
        changed += [
            f"the environment variable {name}"
            for name in _differing(self.environment, _environment())
        ]
        if tuple(map(str, sys.argv)) != self.arguments:
            changed.append("the program's arguments (sys.argv)")
        return changed


def _environment() -> dict[str, str]:
    return {
        name: sha256(os.fsencode(value)).hexdigest()
        for name, value in os.environ.items()
        if not name.startswith(_OURS)
    }


def _differing(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    names = sorted(old.keys() | new.keys())
    return [name for name in names if old.get(name, MISSING) != new.get(name, MISSING)]


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 - a string is all that is compared
    except FileNotFoundError:
        return None


def _now(place: Place, reached: Reached) -> object:
    """Return what stands for data as it is: a digest of its content, or which object it is."""
    names = vars(place.holder) if isinstance(place.holder, type) else place.holder
    value = names.get(place.name, MISSING)
    if value is MISSING or is_code(value):
        return id(value)
    if is_constant(value) and not isinstance(value, tuple):
        return type(value), value
    values = Values(
        reached.project.roots,
        lambda each: f"code {id(each)}" if is_code(each) else None,
        reached.classes.is_own,
    )
    text = sha256(values.text(value).encode()).hexdigest()
    return (text, id(value)) if values.is_unknown else text
