"""Plain data that the rules decide on: what is recorded about one build.

Times are the database's, in UTC. Nothing here does I/O.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from buildstate_core.rules.reasons import EXPIRED
from buildstate_core.vocabulary import (
    MOVES_NO_MACHINE,
    TRUNK,
    ArtifactKind,
    ArtifactStatus,
    AttemptStatus,
    Kind,
)

CARRIERS = frozenset({ArtifactKind.BLOB, ArtifactKind.HANDLE})
"""Artifacts that hold the image itself, so that work can continue from them."""


@dataclass(frozen=True, kw_only=True)
class ArtifactFact:
    """What the rules need to know of an artifact.

    Attributes:
        digest: Of the bytes, the handle or the value; `None` for one never verified.
        unusable_because: The reason code recorded when it was taken out of use.
    """

    id: str
    name: str = "artifact"
    kind: ArtifactKind = ArtifactKind.BLOB
    status: ArtifactStatus = ArtifactStatus.AVAILABLE
    digest: str | None = None
    unusable_because: str | None = None

    @property
    def is_usable(self) -> bool:
        """Whether the record allows its use; only a worker can see whether it is there."""
        return self.status is ArtifactStatus.AVAILABLE

    @property
    def is_sound(self) -> bool:
        """Whether nothing speaks against it: it may be used, or is only not kept any longer."""
        if self.status is ArtifactStatus.DELETED:
            return self.unusable_because == EXPIRED
        return self.status in {ArtifactStatus.AVAILABLE, ArtifactStatus.EXPIRED}


@dataclass(frozen=True, kw_only=True)
class AttemptFact:
    """What the rules need to know of one attempt at a milestone.

    Attributes:
        as_of: When the newest thing known about it happened.
        lease_until: When a claimed attempt is lost unless renewed; `None` for a plain report.
        fingerprint: Part name to digest, of what went into it.
        reads: The digests of files that it was seen to read, by path, where that is looked at.
        identity: The digest of the step that it repeats unchanged; `None` if it repeats none.
        done_since: When what it repeats was done first, where that is looked at.
        reason: Why it was run, as a code, if a claim made it.
        origin: The number of the build that it was inherited from; `None` for the build's own.
        is_forced: Whether a person has asked since for it to run again.
        restored: The ids of the artifacts that it continues from.
    """

    id: str
    state: int
    as_of: datetime
    lane: str = TRUNK
    number: int = 1
    status: AttemptStatus = AttemptStatus.COMPLETED
    kind: Kind | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    lease_until: datetime | None = None
    worker: str | None = None
    message: str | None = None
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, str] = field(default_factory=dict)
    identity: str | None = None
    done_since: datetime | None = None
    artifacts: tuple[ArtifactFact, ...] = ()
    reason: str | None = None
    origin: int | None = None
    is_forced: bool = False
    restored: frozenset[str] = frozenset()

    @property
    def is_claimed(self) -> bool:
        """Whether a claim made it, rather than a plain report."""
        return self.lease_until is not None

    @cached_property
    def order(self) -> tuple[bool, datetime, str]:
        """Sorts attempts by when they happened, whatever the order in which they arrived.

        What a build inherited happened before all that it did itself.
        """
        return (self.origin is None, self.as_of, self.id)

    @property
    def unusable_artifact(self) -> ArtifactFact | None:
        """The first artifact that was taken out of use."""
        return next((each for each in self.artifacts if not each.is_usable), None)

    @cached_property
    def is_sound(self) -> bool:
        """Whether it completed and nothing speaks against its result, be it still kept or not."""
        return (
            self.status is AttemptStatus.COMPLETED
            and all(each.is_sound for each in self.artifacts)
            and not self.is_forced
        )

    @cached_property
    def left_a_checkpoint(self) -> bool:
        """Whether work could continue from it, or could as long as it was kept."""
        return self.is_sound and any(each.kind in CARRIERS for each in self.artifacts)

    @cached_property
    def is_standing(self) -> bool:
        """Whether it completed and all that it left may still be used."""
        return (
            self.status is AttemptStatus.COMPLETED
            and self.unusable_artifact is None
            and not self.is_forced
        )

    def as_it_was_kept(self) -> "AttemptFact":
        """Return it as long as all that it left could be used."""
        kept = (
            replace(each, status=ArtifactStatus.AVAILABLE, unusable_because=None)
            for each in self.artifacts
        )
        return replace(self, artifacts=tuple(kept))

    @property
    def is_done(self) -> bool:
        """Whether the milestone needs no further work as far as this attempt can tell."""
        return self.status.is_done and not self.is_forced

    @cached_property
    def is_checkpoint(self) -> bool:
        """Whether work can continue from it."""
        return self.is_standing and any(each.kind in CARRIERS for each in self.artifacts)

    @property
    def ended_unsuccessfully(self) -> bool:
        """Whether it failed, was lost or was cancelled."""
        return not (self.status.is_live or self.status.is_done)

    @property
    def is_broken(self) -> bool:
        """Whether it ended without a result that may be used, so that it stands in the way.

        Set-up that leaves nothing behind never does.
        """
        if self.kind is Kind.EPHEMERAL:
            return False
        if self.is_forced:
            return True
        if self.status is AttemptStatus.COMPLETED:
            return not self.is_sound
        return self.ended_unsuccessfully

    @cached_property
    def changed_a_machine_only(self) -> bool:
        """Whether it completed as a step: what it did is on a machine, and nowhere else.

        It may have left values, which hold nothing of the machine.
        """
        return (
            self.status is AttemptStatus.COMPLETED
            and not any(each.kind in CARRIERS for each in self.artifacts)
            and self.kind not in MOVES_NO_MACHINE
        )

    @property
    def may_move_a_machine(self) -> bool:
        """Whether what it does may change the machine; so too if its kind was not said."""
        return self.kind not in MOVES_NO_MACHINE


@dataclass(frozen=True)
class Force:
    """A person's request to run everything from a state on again; for the trunk, in all lanes.

    Attributes:
        at: When the person asked for it; only attempts from before that are to run again.
    """

    state: int
    lane: str
    at: datetime

    def is_about(self, attempt: AttemptFact) -> bool:
        """Return whether this asks for an attempt's milestone to run again."""
        return (
            attempt.status.is_done
            and attempt.state >= self.state
            and self.lane in {TRUNK, attempt.lane}
            and (attempt.origin is not None or attempt.as_of <= self.at)
        )


@dataclass(frozen=True)
class History:
    """All attempts of one build, and those that it inherited, in any order."""

    attempts: tuple[AttemptFact, ...]

    @classmethod
    def of(cls, attempts: Iterable[AttemptFact], forces: Collection[Force] = ()) -> "History":
        """Collect attempts, and note which of them a person wants to run again."""
        return cls(
            tuple(
                replace(each, is_forced=True)
                if any(force.is_about(each) for force in forces)
                else each
                for each in attempts
            )
        )

    @cached_property
    def _newest(self) -> Mapping[tuple[str, int], AttemptFact]:
        return {key: tries[0] for key, tries in self._tries.items()}

    @cached_property
    def _tries(self) -> Mapping[tuple[str, int], list[AttemptFact]]:
        found: dict[tuple[str, int], list[AttemptFact]] = {}
        for attempt in sorted(self.attempts, key=lambda each: each.order, reverse=True):
            found.setdefault((attempt.lane, attempt.state), []).append(attempt)
        return found

    def tries(self, lane: str, state: int, *, before: AttemptFact) -> Iterator[AttemptFact]:
        """Yield the attempts at a milestone before one of them, the newest first."""
        for each in self._tries.get((lane, state), ()):
            if each.order < before.order:
                yield each

    @cached_property
    def lanes(self) -> tuple[str, ...]:
        """The lanes that branched off, by name; empty while there is only the trunk."""
        return tuple(sorted({each.lane for each in self.attempts} - {TRUNK}))

    def view(self, lane: str, *, begin: int | None = None) -> Mapping[int, AttemptFact]:
        """Return the newest attempt by state as a lane sees it, in ascending order of state.

        A lane sees the trunk up to where it begins, and the trunk what the build inherited.

        Args:
            lane: The lane that looks.
            begin: A state at which the lane is about to work, if it is not recorded yet.
        """
        own = {state: each for (name, state), each in self._newest.items() if name == lane}
        if lane == TRUNK:
            return dict(sorted(own.items()))
        starts = [*own, begin] if begin is not None else [*own]
        start = min(starts) if starts else None
        trunk = {
            state: each
            for (name, state), each in self._newest.items()
            if name == TRUNK and (start is None or state < start)
        }
        return dict(sorted((trunk | own).items()))
