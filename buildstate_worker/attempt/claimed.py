"""An attempt that this worker has claimed, kept alive until it is ended.

The whole contract of leases, tokens and fences is in docs/explanation/lease-contract.md.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from buildstate_core.errors import BuildStateError, StaleClaim
from buildstate_core.models import Attempt, Claim, Fail, Transfer
from buildstate_core.vocabulary import Kind
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.blobs import Spot
from buildstate_worker.client import Client
from buildstate_worker.heartbeat import Heart, margin_seconds

_MAX_MESSAGE: Final = 10_000


@dataclass(frozen=True)
class Worker:
    """Who claims, and by what.

    Attributes:
        client: The service.
        artifacts: What looks at and moves artifacts.
        name: This worker's name, shown to others.
    """

    client: Client
    artifacts: Artifacts
    name: str


class Claimed:
    """A claimed attempt, kept alive by a heartbeat until it is ended.

    As a context manager it fails the attempt when the block raises, and when the block ends
    without having said how it went.

    Args:
        worker: Who has claimed it.
        claim: What the claim was answered.
        asked_at: When it was asked for, by the monotonic clock: the lease runs from then.

    Attributes:
        worker: Who has claimed it.
        claim: What the claim was answered.
        token: Goes with every write about the attempt.
    """

    def __init__(self, worker: Worker, claim: Claim, *, asked_at: float | None = None) -> None:
        assert claim.token is not None  # noqa: S101 - a claim to run has one
        assert claim.lease_seconds is not None  # noqa: S101 - a claim to run has one
        self.worker = worker
        self.claim = claim
        self.token = claim.token
        self._ended = False
        self._heart = Heart(
            worker.client,
            claim.attempt.id,
            token=claim.token,
            lease_seconds=claim.lease_seconds,
            stops_by_itself=claim.attempt.kind is Kind.EFFECT,
            leased_at=asked_at,
        ).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._ended:
            self.give_up(error)
        self._heart.stop()

    @property
    def attempt(self) -> Attempt:
        """The attempt as it was when it was claimed."""
        return self.claim.attempt

    @property
    def stale(self) -> StaleClaim | None:
        """Why the claim is no longer ours, once the heartbeat has found out."""
        return self._heart.stale

    @property
    def spot(self) -> Spot:
        """What this attempt's artifacts belong to."""
        attempt = self.attempt
        return Spot(
            build=attempt.build, state=attempt.state, lane=attempt.lane, attempt=str(attempt.id)
        )

    def when_stale(self, tell: Callable[[StaleClaim], None]) -> None:
        """Have `tell` called once when the claim is no longer ours; at once if it is not already.

        It is called from the heartbeat's thread, unless it is called at once. An effect is told
        before its lease can have run out, so that it can be stopped in time.
        """
        self._heart.when_stale(tell)

    def when_renewed(self, tell: Callable[[float], None]) -> None:
        """Have `tell` called with the end of the lease now and at each renewal.

        It is the earliest time at which it may have ended, by the monotonic clock. `tell` may not
        wait for anything: the next renewal waits for it.
        """
        self._heart.when_renewed(tell)

    @property
    def guards_before_seconds(self) -> float:
        """How long before the end of the lease somebody else has to end an effect.

        By then this process has done so itself, unless it is frozen. 0 for what is no effect.
        """
        if self.attempt.kind is not Kind.EFFECT:
            return 0.0
        return margin_seconds(self.claim.lease_seconds or 0) / 2

    def note(self, transfer: Transfer) -> None:
        """Take how far this worker is with an artifact's bytes; the next heartbeat says it."""
        is_over = transfer.done_bytes == transfer.total_bytes
        self._heart.note(None if is_over else transfer)

    def fail(self, message: str, *, is_cancelled: bool = False) -> Attempt:
        """Record that it failed, or that a person stopped it; the lease ends with it.

        Raises:
            StaleClaim: The milestone was lost or taken over meanwhile; nothing is recorded.
        """
        self.end()
        return self.worker.client.fail(
            self.attempt.id,
            Fail(token=self.token, message=_storable(message), cancelled=is_cancelled),
        )

    def give_up(self, error: BaseException | None) -> None:
        """Record that it failed because of an error, if the service can be told so."""
        # The error that is on its way says more than one about telling the service of it.
        with contextlib.suppress(BuildStateError):
            if error is None:
                self.fail("it ended without a word")
            else:
                # What is no `Exception` comes from outside: a signal, a person, a task that is
                # stopped. Nothing has to be mended before it is tried again.
                is_own = isinstance(error, Exception | SystemExit)
                self.fail(_message(error), is_cancelled=not is_own)

    def end(self) -> None:
        """Stop the heartbeat. Nothing more is recorded by itself: how it went was said."""
        self._ended = True
        self._heart.stop()


def _message(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _storable(message: str) -> str:
    return message.replace("\x00", "").encode(errors="replace").decode()[:_MAX_MESSAGE]
