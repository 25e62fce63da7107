"""Keeps a claim alive from a thread of its own, however busy the rest of the process is.

The thread neither prints nor logs: under Prefect, a line that is printed after the worker has died
raises in the thread that prints it, and the lease would silently run out.

An outage is not a crash: while the service cannot be reached, the thread goes on trying, and the
work goes on too. Only an effect, which touches the world and may not be done twice at once, is
stopped before another worker could begin it::

    renewal sent          margin          lease ends
    ├──────────────────────┼───────────────┤
                           └─ `when_stale`: no renewal was acknowledged since; stop the work now

The whole contract of leases, tokens and fences is in docs/explanation/lease-contract.md.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, Self
from uuid import UUID

from buildstate_core.errors import StaleClaim
from buildstate_core.models import Heartbeat, Transfer
from buildstate_worker.client import Client

LEASE_RUNNING_OUT: Final = "lease-running-out"
"""The code of the `StaleClaim` that a heart says by itself."""

_BEATS_PER_LEASE: Final = 3
_RETRY_SECONDS: Final = 1.0
_TRIES_PER_BEAT: Final = 3
_WATCHED_SECONDS: Final = 5.0
_MAX_MARGIN_SECONDS: Final = 10.0
_MARGINS_PER_LEASE: Final = 3


def margin_seconds(lease_seconds: float) -> float:
    """Return how long before the end of its lease an effect is told to stop.

    >>> margin_seconds(60), margin_seconds(6)
    (10.0, 2.0)
    """
    return min(_MAX_MARGIN_SECONDS, lease_seconds / _MARGINS_PER_LEASE)


def running_out() -> StaleClaim:
    """Return why an effect is stopped whose lease could not be renewed."""
    return StaleClaim(
        "The service could not be reached to renew the lease, so that another worker may"
        " begin this effect when it runs out; it is stopped before that.",
        code=LEASE_RUNNING_OUT,
        hint="See how far it has come, and run this again when the service answers.",
    )


class Heart:
    """Renews one lease until it is stopped, or refused.

    Args:
        client: The service; its retries do not matter.
        attempt: The claimed attempt.
        token: The claim's token.
        lease_seconds: How long one renewal lasts.
        stops_by_itself: Whether the claim also counts as lost before the lease can have run out
            unseen, because no renewal came through. For what must not go on while nobody can
            tell whether another worker has begun it.
        leased_at: When the claim was asked for, by the monotonic clock; `None` for now.

    Attributes:
        stale: Why the claim is no longer ours, once that is known.
    """

    def __init__(
        self,
        client: Client,
        attempt: UUID,
        *,
        token: str,
        lease_seconds: float,
        stops_by_itself: bool = False,
        leased_at: float | None = None,
    ) -> None:
        self._client = client
        self._attempt = attempt
        self._token = token
        self._every = lease_seconds / _BEATS_PER_LEASE
        self._usable_seconds = lease_seconds - margin_seconds(lease_seconds)
        self._renewed_at = time.monotonic() if leased_at is None else leased_at
        self._lease_seconds = lease_seconds
        self._listener: Callable[[StaleClaim], None] | None = None
        self._renewal_listener: Callable[[float], None] | None = None
        self._telling = threading.Lock()
        self._teller: threading.Thread | None = None
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._transfer: Transfer | None = None
        self._threads = [self._make_thread("heartbeat", self._run)]
        if stops_by_itself:
            # Apart from the one that beats, which may wait for an answer longer than the lease.
            self._threads.append(self._make_thread("heartbeat-watch", self._watch))
        self.stale: StaleClaim | None = None

    def start(self) -> Self:
        """Begin to beat; the first renewal is due after a third of the lease."""
        for thread in self._threads:
            thread.start()
        return self

    def when_stale(self, tell: Callable[[StaleClaim], None]) -> None:
        """Have `tell` called once when the claim is no longer ours.

        It is called from a thread of the heart; at once, and from here, if the claim is lost
        already.
        """
        with self._telling:
            self._listener = tell
            stale = self.stale
        if stale is not None:
            tell(stale)

    def when_renewed(self, tell: Callable[[float], None]) -> None:
        """Have `tell` called with the earliest end of the lease, now and at each renewal.

        It is by the monotonic clock. `tell` is called from the thread that beats, which waits for
        it.
        """
        self._renewal_listener = tell
        tell(self._renewed_at + self._lease_seconds)

    def stop(self) -> None:
        """Stop, and wait for a renewal that is on its way, or for `when_stale` to be done."""
        with self._telling:
            self._stopped.set()
        self._woken.set()
        # Once the claim is not ours any more, no renewal is worth waiting for.
        for thread in self._threads if self._teller is None else [self._teller]:
            if thread is not threading.current_thread():
                thread.join()

    def note(self, transfer: Transfer | None) -> None:
        """Take what is being moved; the next renewal says it, and the first one comes at once."""
        is_first = self._transfer is None and transfer is not None
        self._transfer = transfer
        if is_first:
            self._woken.set()

    def _make_thread(self, name: str, run: Callable[[], None]) -> threading.Thread:
        return threading.Thread(target=run, name=f"bldst-{name}-{self._attempt}", daemon=True)

    def _run(self) -> None:
        wait = self._every
        while True:
            self._woken.wait(wait)
            self._woken.clear()
            if self._stopped.is_set():
                return
            sent_at = time.monotonic()
            try:
                beat = Heartbeat(token=self._token, transfer=self._transfer)
                self._client.heartbeat(self._attempt, beat)
                self._renewed_at = sent_at
                if self._renewal_listener is not None:
                    self._renewal_listener(sent_at + self._lease_seconds)
                # Whoever watches a transfer wants to see it move.
                wait = min(self._every, _WATCHED_SECONDS) if beat.transfer else self._every
            except StaleClaim as error:
                self._tell(error)
            except Exception:  # noqa: BLE001 - whatever it was, the next beat may work
                wait = min(_RETRY_SECONDS, self._every / _TRIES_PER_BEAT)

    def _watch(self) -> None:
        while True:
            left = self._renewed_at + self._usable_seconds - time.monotonic()
            if left <= 0:
                break
            if self._stopped.wait(left):
                return
        self._tell(running_out())

    def _tell(self, error: StaleClaim) -> None:
        """Say once that the claim is not ours any more, and beat no longer."""
        with self._telling:
            if self._stopped.is_set():
                return
            self.stale = error
            self._teller = threading.current_thread()
            self._stopped.set()
            listener = self._listener
        self._woken.set()
        if listener is not None:
            listener(error)
