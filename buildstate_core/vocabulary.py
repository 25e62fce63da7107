"""The words of BuildState that have a fixed set of values.

Standard library only: the rules, the wire models and the tables all build on this.
"""

from enum import StrEnum
from typing import Final

MIN_STATE: Final = 0
MAX_STATE: Final = 100

TRUNK: Final = ""
"""The name of the lane that every build begins in."""

TRUNK_IN_WORDS: Final = "trunk"
"""What stands for it where a name cannot be empty, such as in a path. No lane is called so."""


class AttemptStatus(StrEnum):
    """How one try at a milestone went.

    ::

        pending ──► in_progress ──► completed
           │             ├────────► failed      the holder or a report says so
           │             ├────────► lost        the service: its lease ran out
           │             └────────► cancelled   a person, or a report
           └── a report may end a pending attempt in the same ways

    `waived` is a person's decision that the milestone is not needed.
    """

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"
    WAIVED = "waived"

    @property
    def is_live(self) -> bool:
        """Whether the attempt can still change."""
        return self in LIVE

    @property
    def is_done(self) -> bool:
        """Whether the milestone needs no further work as far as this attempt can tell."""
        return self in {AttemptStatus.COMPLETED, AttemptStatus.WAIVED}


LIVE: Final = frozenset({AttemptStatus.PENDING, AttemptStatus.IN_PROGRESS})


class BuildStatus(StrEnum):
    """How a whole build stands; always derived from its attempts, but for `cancelled`."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Kind(StrEnum):
    """What a milestone does, and so what makes it safe to skip."""

    CHECKPOINT = "checkpoint"
    """Left an artifact."""
    STEP = "step"
    """Changed a working machine only."""
    EFFECT = "effect"
    """Changed the world: published, registered."""
    GATE = "gate"
    """Gave a verdict about one digest."""
    EPHEMERAL = "ephemeral"
    """Set-up that must run whenever anything after it runs."""


MOVES_NO_MACHINE: Final = frozenset({Kind.EFFECT, Kind.GATE, Kind.EPHEMERAL})
"""Kinds that leave the working machine as it was."""


class ArtifactKind(StrEnum):
    """What an artifact record points at."""

    BLOB = "blob"
    """Bytes at a URI."""
    HANDLE = "handle"
    """The id of something that is not bytes to us: an AMI, a snapshot, a volume."""
    VALUE = "value"
    """A small JSON value, kept in the record."""


class ArtifactStatus(StrEnum):
    """Whether an artifact may still be used."""

    AVAILABLE = "available"
    QUARANTINED = "quarantined"
    REVOKED = "revoked"
    EXPIRED = "expired"
    DELETED = "deleted"


class Sensitivity(StrEnum):
    """Who may see an artifact; a project says where each may be stored."""

    PUBLIC = "public"
    INTERNAL = "internal"
    SECRET = "secret"  # noqa: S105 - a label


class Compression(StrEnum):
    """How an artifact is to be stored."""

    NONE = "none"
    """As it is."""
    ZSTD = "zstd"
    """Compressed."""
    AUTO = "auto"
    """Compressed where it is large, and a quick look says that it is worth it."""


class Trace(StrEnum):
    """Whether commands are traced, so that what they are seen to read counts."""

    ON = "on"
    OFF = "off"


class Seen(StrEnum):
    """What a function was seen to read at a path."""

    FILE = "file"
    """A file; its content counts."""
    FOLDER = "folder"
    """A folder that it was called with; all that is in it counts."""
    LISTING = "listing"
    """A folder's names."""
    ABSENT = "absent"
    """Nothing: it was asked for and not there."""
    LEFT = "left"
    """A file that was made or changed while it ran, before it was read; by a child process, mostly.
    Where it is not there, nothing has changed."""
    UNSTABLE = "unstable"
    """What changed while it was read, so that it is never the same as anything."""


class CommandCode(StrEnum):
    """Whether the words of a command decide whether it may be skipped."""

    OWN = "own"
    IGNORE = "ignore"


class Activity(StrEnum):
    """What a worker does with an artifact's bytes."""

    UPLOADING = "uploading"
    DOWNLOADING = "downloading"


class Decision(StrEnum):
    """What a plan says about one milestone."""

    SKIP = "skip"
    RESTORE = "restore"
    RUN = "run"
    WAIT = "wait"
    REFUSE = "refuse"


class InterventionKind(StrEnum):
    """What a person decided about a build."""

    WAIVE = "waive"
    """A milestone is not needed."""
    FORCE = "force"
    """Everything from a state on runs again."""
    REVOKE = "revoke"
    """An artifact, and what was made from it, is not used again."""
    ADOPT = "adopt"
    """Something that exists already becomes what a state left."""
    CANCEL = "cancel"
    """The build is given up."""
    RESUME = "resume"
    """The build's orchestrator is asked to go on."""


class AutoResume(StrEnum):
    """After what the service has a build's orchestrator go on by itself."""

    NEVER = "never"
    LOST = "lost"
    """After a worker stopped answering."""
    FAILED = "failed"
    """After that, and after a failure."""


class ResumeStatus(StrEnum):
    """How far a request to resume has come.

    ::

        pending ──► sent ──► running ──► done
           │          └────────┴───────► failed    the orchestrator's run ended badly
           └───────────────────────────► failed    the orchestrator cannot be asked
    """

    PENDING = "pending"
    SENT = "sent"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ClaimDecision(StrEnum):
    """What a claim answers."""

    SKIP = "skip"
    RUN = "run"
    HELD = "held"
