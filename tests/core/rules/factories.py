"""Facts with defaults: a test states only what matters to it.

Time is counted in minutes from `START`. Unless a test says otherwise, a milestone happens at the
minute that its state names, so that a pipeline that went well is in order.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from hypothesis import settings
from support.store import START

from buildstate_core.rules.facts import ArtifactFact, AttemptFact, History
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import TRUNK, ArtifactKind, ArtifactStatus, AttemptStatus, Kind

LEASE_MINUTES: Final = 1000.0

NOW: Final = START + timedelta(minutes=60)
"""When a property is asked for."""

STEADY: Final = settings(deadline=None, derandomize=True, database=None, max_examples=100)
"""For properties: the same examples on every machine, however slow."""


def at(minute: float) -> datetime:
    """Give a time by its minute."""
    return START + timedelta(minutes=minute)


def make_artifact(
    name: str = "image.qcow2",
    *,
    digest: str | None = "sha256:aa",
    kind: ArtifactKind = ArtifactKind.BLOB,
    status: ArtifactStatus = ArtifactStatus.AVAILABLE,
    unusable_because: str | None = None,
) -> ArtifactFact:
    return ArtifactFact(
        id=f"{name}@{digest}",
        name=name,
        kind=kind,
        status=status,
        digest=digest,
        unusable_because=unusable_because,
    )


def make_attempt(
    state: int = 25,
    *,
    status: AttemptStatus = AttemptStatus.COMPLETED,
    lane: str = TRUNK,
    number: int = 1,
    minute: float | None = None,
    kind: Kind | None = None,
    is_claimed: bool = True,
    lease_until_minute: float = LEASE_MINUTES,
    fingerprint: Mapping[str, str] | None = None,
    artifacts: tuple[ArtifactFact, ...] = (),
    origin: int | None = None,
) -> AttemptFact:
    minute = float(state) if minute is None else minute
    return AttemptFact(
        id=f"{'' if origin is None else f'#{origin}/'}{lane or 'trunk'}/{state:03}/{number}",
        state=state,
        lane=lane,
        number=number,
        status=status,
        kind=kind,
        as_of=at(minute),
        started_at=at(minute - 0.5),
        ended_at=None if status.is_live else at(minute),
        lease_until=at(lease_until_minute) if is_claimed else None,
        fingerprint=fingerprint or {},
        artifacts=artifacts,
        origin=origin,
    )


def checkpoint(
    state: int,
    *,
    digest: str | None = None,
    status: ArtifactStatus = ArtifactStatus.AVAILABLE,
    unusable_because: str | None = None,
    lane: str = TRUNK,
    number: int = 1,
    minute: float | None = None,
    kind: Kind | None = None,
    is_claimed: bool = True,
    fingerprint: Mapping[str, str] | None = None,
    origin: int | None = None,
) -> AttemptFact:
    """Give a completed milestone that left an image."""
    image = make_artifact(
        digest=digest or f"sha256:{state}", status=status, unusable_because=unusable_because
    )
    return make_attempt(
        state,
        lane=lane,
        number=number,
        minute=minute,
        kind=kind,
        is_claimed=is_claimed,
        fingerprint=fingerprint,
        artifacts=(image,),
        origin=origin,
    )


def lost_checkpoint(state: int) -> AttemptFact:
    """Give a completed milestone whose image was found to be gone."""
    return checkpoint(state, status=ArtifactStatus.QUARANTINED, unusable_because="artifact_gone")


def make_history(*attempts: AttemptFact) -> History:
    return History.of(attempts)


def view_of(*attempts: AttemptFact, lane: str = TRUNK) -> Mapping[int, AttemptFact]:
    return History.of(attempts).view(lane)


def make_recipe(
    *,
    kind: Kind | None = None,
    parts: Mapping[str, str] | None = None,
    consumes: tuple[int, ...] | None = None,
) -> Recipe:
    return Recipe(kind=kind, parts=parts or {}, consumes=consumes)


def same_recipe(attempt: AttemptFact) -> Recipe:
    """Give the recipe of an attempt, as if nothing had been changed since."""
    upstream = [part for part in attempt.fingerprint if part.startswith("upstream:")]
    return Recipe(
        kind=attempt.kind,
        parts={part: value for part, value in attempt.fingerprint.items() if part not in upstream},
        consumes=tuple(int(part.partition(":")[2]) for part in upstream) or None,
    )
