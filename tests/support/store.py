"""A model of the service: it keeps attempts in memory and changes them only as the rules decide."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

from buildstate_core.rules.attempts import (
    HeldByClaim,
    NewAttempt,
    Outdated,
    Placement,
    Update,
    merged,
    place_report,
    settled,
)
from buildstate_core.rules.claims import Answer, ClaimQuery, Granted, answer_claim
from buildstate_core.rules.facts import ArtifactFact, AttemptFact, History
from buildstate_core.rules.reads import Reads, are_as_before, with_reads
from buildstate_core.vocabulary import TRUNK, ArtifactStatus, AttemptStatus, Kind

START: Final = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""When its clock begins."""


class Stale(Exception):
    """The token is no longer the live one."""


@dataclass
class Store:
    """One build. Its ids and fences rise, and so does its clock if a test moves it."""

    now: datetime = START
    attempts: dict[str, AttemptFact] = field(default_factory=dict)
    fences: int = 0
    tokens: dict[int, str] = field(default_factory=dict)
    """Fence to the attempt that it was given out for; a token and its fence are one here."""
    reads: dict[str, Reads] = field(default_factory=dict)
    """Attempt to what it was seen to read, if that was anything."""

    @property
    def history(self) -> History:
        return History.of(self.attempts.values())

    def report(
        self,
        state: int,
        status: AttemptStatus,
        at: datetime,
        *,
        lane: str = TRUNK,
        artifacts: tuple[ArtifactFact, ...] = (),
    ) -> Placement:
        self.settle()
        known = [
            each for each in self.attempts.values() if (each.lane, each.state) == (lane, state)
        ]
        placement = place_report(status, at, known)
        match placement:
            case NewAttempt(number):
                new = AttemptFact(
                    id=self._next_id(),
                    state=state,
                    lane=lane,
                    number=number,
                    status=status,
                    as_of=at,
                    ended_at=None if status.is_live else at,
                    artifacts=artifacts,
                )
                self.attempts[new.id] = new
            case Update(old):
                status = merged(old.status, status)
                as_of = max(old.as_of, at)
                self._change(
                    old,
                    status=status,
                    as_of=as_of,
                    ended_at=None if status.is_live else as_of,
                    artifacts=artifacts,
                )
            case Outdated() | HeldByClaim():
                pass
        return placement

    def claim(
        self,
        query: ClaimQuery,
        *,
        lease: timedelta = timedelta(minutes=10),
        is_closed: bool = False,
    ) -> Answer:
        self.settle()
        answer = answer_claim(self.history, query, now=self.now, is_closed=is_closed)
        if isinstance(answer, Granted):
            if answer.takes_over is not None:
                self._change(
                    answer.takes_over,
                    status=AttemptStatus.LOST,
                    as_of=self.now,
                    ended_at=self.now,
                )
            new = AttemptFact(
                id=self._next_id(),
                state=query.state,
                lane=query.lane,
                number=answer.number,
                status=AttemptStatus.IN_PROGRESS,
                kind=query.recipe.kind,
                as_of=self.now,
                started_at=self.now,
                lease_until=self.now + lease,
                fingerprint=answer.fingerprint,
                identity=answer.identity,
                reason=answer.reason,
            )
            self.attempts[new.id] = new
            self.fences += 1
            self.tokens[self.fences] = new.id
        return answer

    def heartbeat(self, token: int, *, lease: timedelta = timedelta(minutes=10)) -> None:
        self._change(self._held(token), lease_until=self.now + lease)

    def complete(
        self,
        token: int,
        *,
        artifacts: tuple[ArtifactFact, ...] = (),
        kind: Kind | None = None,
        reads: Reads = MappingProxyType({}),
    ) -> None:
        held = self._held(token)
        is_repeated = not reads or are_as_before(reads, self._read_before(held))
        if reads:
            self.reads[held.id] = reads
        self._change(
            held,
            status=AttemptStatus.COMPLETED,
            as_of=self.now,
            ended_at=self.now,
            kind=kind or held.kind,
            artifacts=artifacts,
            fingerprint=with_reads(held.id, held.fingerprint, reads),
            identity=held.identity if is_repeated else None,
        )

    def fail(self, token: int) -> None:
        self._change(
            self._held(token), status=AttemptStatus.FAILED, as_of=self.now, ended_at=self.now
        )

    def quarantine(self, attempt: AttemptFact, reason: str = "artifact_gone") -> None:
        lost = tuple(
            replace(each, status=ArtifactStatus.QUARANTINED, unusable_because=reason)
            for each in attempt.artifacts
        )
        self.attempts[attempt.id] = replace(attempt, artifacts=lost)

    def settle(self) -> None:
        """End what nobody holds any longer, as the service does on every read."""
        self.attempts = {each.id: each for each in settled(self.history, self.now).attempts}

    def _held(self, token: int) -> AttemptFact:
        self.settle()
        held = self.attempts[self.tokens[token]]
        if not held.status.is_live:
            raise Stale
        return held

    def _read_before(self, attempt: AttemptFact) -> Reads:
        tries = self.history.tries(attempt.lane, attempt.state, before=attempt)
        done = (each.id for each in tries if each.status is AttemptStatus.COMPLETED)
        return self.reads.get(next(done, ""), {})

    def _change(self, attempt: AttemptFact, **values: object) -> None:
        assert attempt.status.is_live, "an attempt that ended is never rewritten"
        self.attempts[attempt.id] = replace(attempt, **values)  # type: ignore[arg-type]

    def _next_id(self) -> str:
        return f"{len(self.attempts):06}"
