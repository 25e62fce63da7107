"""Keeps a claim alive from a thread of its own, however busy the rest of the process is.

The thread neither prints nor logs: under Prefect, a line printed after the worker has died raises
in whatever thread prints it, and the lease would silently run out.
"""

import threading
from collections.abc import Callable
from typing import Final, Self
from uuid import UUID

from buildstate_core.client import Client
from buildstate_core.errors import StaleClaim
from buildstate_core.models import Heartbeat

_BEATS_PER_LEASE: Final = 3
_RETRY_SECONDS: Final = 1.0


class Heart:
    """Renews one lease until it is stopped, or refused.

    An outage is not a crash: while the service cannot be reached, it goes on trying.

    Args:
        client: The service; its retries do not matter.
        attempt: The claimed attempt.
        token: The claim's token.
        lease_seconds: How long one renewal lasts.
        on_stale: Called once, from the thread, when the claim is no longer ours.
    """

    def __init__(
        self,
        client: Client,
        attempt: UUID,
        *,
        token: str,
        lease_seconds: float,
        on_stale: Callable[[StaleClaim], None] | None = None,
    ) -> None:
        self._client = client
        self._attempt = attempt
        self._beat = Heartbeat(token=token)
        self._every = lease_seconds / _BEATS_PER_LEASE
        self._on_stale = on_stale
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"bldst-heartbeat-{attempt}", daemon=True
        )
        self.stale: StaleClaim | None = None

    def start(self) -> Self:
        """Begin to beat; the first renewal is due after a third of the lease."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop, and wait for a renewal that is on its way."""
        self._stopped.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        wait = self._every
        while not self._stopped.wait(wait):
            try:
                self._client.heartbeat(self._attempt, self._beat)
                wait = self._every
            except StaleClaim as error:
                self.stale = error
                if self._on_stale is not None:
                    self._on_stale(error)
                return
            except Exception:  # noqa: BLE001 - whatever it was, the next beat may work
                wait = min(_RETRY_SECONDS, self._every)
