"""Files and folders that milestones made, downloaded when they are needed."""

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID
from weakref import WeakValueDictionary

from buildstate_core.errors import InvalidInput
from buildstate_core.models import Artifact as RecordedArtifact


@dataclass(frozen=True)
class Version:
    """One making of an artifact: what is recorded, and where on this worker it is.

    Attributes:
        record: As it is recorded.
        root: The storage of the build's project.
        places: Where it is for each lane that used it. Lanes work side by side, and a step
            changes its file in place, so that each has its own copy.
    """

    record: RecordedArtifact
    root: str | None
    places: dict[str, Path] = field(default_factory=dict)


@dataclass(eq=False)
class Slot:
    """One artifact of this session.

    Attributes:
        now: The newest version; replaced as a whole when the milestone ran again.
        lock: Held while it is moved.
    """

    now: Version
    lock: threading.RLock = field(default_factory=threading.RLock)


class OpenResults(Protocol):
    """The results of one session, which gives out lazy artifacts for them."""

    def adopt(self, record: RecordedArtifact, root: str | None) -> "Artifact":
        """Return the artifact of a record that came from another process."""


open_results: Final[WeakValueDictionary[UUID, OpenResults]] = WeakValueDictionary()
"""Those of this process, by the id of their session, which is the same in every process of it."""


class Artifact:
    """What a milestone made, as a path that is downloaded when it is first needed.

    It may be given wherever a path may (`open`, `subprocess`, `shutil`) and has what a
    `pathlib.Path` has: `image.stat()`, `image.read_bytes()`, `image / "etc"`. The first such use
    downloads it into the pass's folder and verifies its digest on the way. Handing it on to
    another milestone downloads nothing; a milestone that really runs gets a `pathlib.Path`.

    It travels to another process as its record, and is downloaded anew there. A subflow takes it
    in a parameter that is annotated as `Artifact`, or not at all; Prefect refuses it for `Path`.
    """

    # An ordinary class: Prefect walks lists, dicts, dataclasses and models for futures.

    def __init__(self, slot: Slot, fetch: Callable[[Slot], Path], session_id: UUID) -> None:
        self._slot = slot
        self._fetch = fetch
        self.session_id = session_id

    def __reduce__(self) -> tuple[Any, ...]:
        now = self._slot.now
        return _arrived, (self.session_id, now.record, now.root)

    @property
    def root(self) -> str | None:
        """The storage of its build's project."""
        return self._slot.now.root

    @property
    def record(self) -> RecordedArtifact:
        """The whole record."""
        return self._slot.now.record

    @property
    def state(self) -> int:
        """The state that made it."""
        return self.record.state

    @property
    def lane(self) -> str:
        """The lane that made it; empty for the trunk."""
        return self.record.lane

    @property
    def name(self) -> str:
        """Its name in the attempt that made it."""
        return self.record.name

    @property
    def uri(self) -> str | None:
        """Where it is stored."""
        return self.record.uri

    @property
    def checksum(self) -> str | None:
        """`sha256:` and 64 digits; `None` while nobody has verified it."""
        return self.record.checksum

    @property
    def size_bytes(self) -> int | None:
        """Its size; for a folder, that of its archive."""
        return self.record.size_bytes

    def __fspath__(self) -> str:
        return str(self._fetch(self._slot))

    def __str__(self) -> str:
        return self.__fspath__()

    def __truediv__(self, other: str) -> Path:
        return self._fetch(self._slot) / other

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(Path, name):
            raise AttributeError(f"an Artifact has no {name!r}, and neither has a pathlib.Path")
        return getattr(self._fetch(self._slot), name)

    def __repr__(self) -> str:
        lane = f" lane {self.lane}" if self.lane else ""
        return f"<Artifact {self.name} of build {self.record.build} state {self.state}{lane}>"


def _arrived(session_id: UUID, record: RecordedArtifact, root: str | None) -> Artifact:
    """Return an artifact that came from another process."""
    found = open_results.get(session_id)
    if found is not None:
        return found.adopt(record, root)
    return Artifact(Slot(Version(record, root)), functools.partial(_fetch, session_id), session_id)


def _fetch(session_id: UUID, slot: Slot) -> Path:
    """Return the path of an artifact that came before its session was opened in this process."""
    record = slot.now.record
    opened = open_results.get(session_id)
    if opened is not None:
        return Path(opened.adopt(record, slot.now.root))
    raise InvalidInput(
        f"The artifact {record.name} of state {record.state} came from another process, and its"
        " build is not open in this one.",
        code="no-open-build",
        hint="Read it in a milestone, or in the flow that opened the build.",
    )
