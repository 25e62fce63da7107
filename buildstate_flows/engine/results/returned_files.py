"""Files that attempts of this process return, and whether one of them may hold another's bytes.

Two attempts that work side by side and return one file have both written to it, and nobody can
tell whose bytes are in it. Neither is recorded then. If one of them is recorded already, what it
left is taken out of use, so that it is made again.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final
from weakref import WeakSet

from buildstate_core.errors import InvalidInput
from buildstate_core.models import Artifact, Quarantine
from buildstate_core.rules.reasons import ARTIFACT_CORRUPT
from buildstate_worker.client import Client


@dataclass(eq=False)
class ReturnedFiles:
    """What one attempt returns.

    Attributes:
        name: The attempt, for people.
        began: When it began, by the monotonic clock.
        paths: Where its files are.
        at: When it returned them.
    """

    client: Client
    name: str
    began: float
    paths: frozenset[Path]
    at: float = field(default_factory=monotonic)
    _artifacts: tuple[Artifact, ...] = ()
    _shared_with: "ReturnedFiles | None" = None

    def note(self) -> None:
        """Note that the attempt has returned them.

        Raises:
            InvalidInput: One that worked at the same time has returned one of them.
        """
        if not self.paths:
            return
        with _changing:
            other = next((each for each in _returned if each._is_shared_with(self)), None)  # noqa: SLF001 - its own
            self._shared_with = other
            _returned.add(self)
            if other is not None:
                other._shared_with = self  # noqa: SLF001 - its own
        if other is not None:
            other._withdraw()  # noqa: SLF001 - its own
        self.check()

    def check(self) -> None:
        """Make sure that nobody else has returned one of them meanwhile.

        Raises:
            InvalidInput: Somebody has.
        """
        other = self._shared_with
        if other is None:
            return
        path = next(each for each in self.paths if _overlap(each, other.paths))
        raise InvalidInput(
            f"{self.name} and {other.name} worked at the same time, and both returned {path}."
            " Nobody can tell whose bytes are in it, so that neither is kept.",
            code="one-file-twice",
            hint="Let each write to a folder of its own: buildstate_flows.workdir().",
        )

    def take_recorded(self, artifacts: Iterable[Artifact]) -> None:
        """Note what was recorded of them.

        Raises:
            InvalidInput: Somebody has returned one of them just now.
        """
        with _changing:
            self._artifacts = tuple(artifacts)
        if self._shared_with is not None:
            self._withdraw()
        self.check()

    def _is_shared_with(self, later: "ReturnedFiles") -> bool:
        worked_side_by_side = self.at > later.began
        return worked_side_by_side and any(_overlap(each, self.paths) for each in later.paths)

    def _withdraw(self) -> None:
        with _changing:
            artifacts, self._artifacts = self._artifacts, ()
        for each in artifacts:
            message = "another attempt that worked at the same time has returned the same file"
            self.client.quarantine(each.id, Quarantine(reason=ARTIFACT_CORRUPT, message=message))


_changing: Final = threading.Lock()
_returned: Final[WeakSet[ReturnedFiles]] = WeakSet()
"""Those of this process, of all builds that are open."""


def _overlap(path: Path, others: Iterable[Path]) -> bool:
    return any(path.is_relative_to(each) or each.is_relative_to(path) for each in others)
