"""A session in another process: what travels to it, and how it is opened there.

A task runner may run a submitted milestone in a process of its own. The session cannot go there,
with its connections and locks; a ticket does, and the build is opened from it. The other process is
a machine of its own: it has a folder inside the session's, holds no attempt's results, and
downloads what it needs. It knows the calls that were made before, to make steps again on its own
copy.
"""

import os
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import cloudpickle  # type: ignore[import-untyped]

from buildstate_core.models import Build
from buildstate_flows.artifact import Slot
from buildstate_flows.engine.cancellation import Ending
from buildstate_flows.engine.inside import put_process_inside
from buildstate_flows.engine.session import OTHER_PROCESS, BuildSession, open_session
from buildstate_flows.prefect_api.transfers import log
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.client import PATIENT, Client
from buildstate_worker.settings import Settings

_ENDED: Final = ".ended"
"""In a session's folder: its flow was ended, and why. Other processes look for it."""

_LOOK_SECONDS: Final = 1.0
_MOST_OPEN: Final = 4
_opened: Final[dict[UUID, BuildSession]] = {}
_opening: Final = threading.Lock()


@dataclass(frozen=True)
class Ticket:
    """What another process opens a session from. It carries the key to the service.

    Attributes:
        folder: The session's folder; another host may not have it.
        calls: Those made so far that can be pickled.
        inside: The attempts that the session's own process runs inside of.
    """

    id: UUID
    build: Build
    settings: Settings
    folder: Path
    calls: Sequence[bytes]
    inside: Sequence[UUID]

    @classmethod
    def of(cls, session: BuildSession) -> "Ticket":
        """Make one for a session, as it is now."""
        calls = []
        for call in list(session.calls.values()):
            with suppress(Exception):  # whatever its arguments raise
                calls.append(cloudpickle.dumps(call))
        return cls(
            session.id, session.build, session.settings, session.folder, calls, session.inside
        )

    def open(self, fetch: Callable[[BuildSession, Slot], Path]) -> BuildSession:
        """Open the session here, once for all milestones of it in this process."""
        with _opening:
            session = _opened.pop(self.id, None) or self._opened(fetch)
            _opened[self.id] = session
            for old in list(_opened)[:-_MOST_OPEN]:
                _opened.pop(old)  # it is cleaned up when nothing refers to it any more
        for dumped in self.calls:
            call = cloudpickle.loads(dumped)
            session.calls.setdefault(call.key, call)
        return session

    def _opened(self, fetch: Callable[[BuildSession, Slot], Path]) -> BuildSession:
        client = Client.of_worker(self.settings, retries=PATIENT)
        put_process_inside(self.inside)
        is_here = self.folder.is_dir()
        session = BuildSession(
            self.build,
            client=client,
            artifacts=Artifacts.of_worker(client, self.settings, on_transfer=log),
            settings=self.settings,
            folder=_own_folder(self.folder) if is_here else None,
            fetch=fetch,
            id=self.id,
            inside=self.inside,
        )
        if is_here:
            arguments = (weakref.ref(session), self.folder / _ENDED)
            threading.Thread(target=_watch, args=arguments, name="bldst-watch", daemon=True).start()
        return session


def _own_folder(folder: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=f"{OTHER_PROCESS}{os.getpid()}-", dir=folder))


@contextmanager
def entered(session: BuildSession) -> Iterator[BuildSession]:
    """Let milestones that are called inside find the session."""
    token = open_session.set(session)
    try:
        yield session
    finally:
        open_session.reset(token)


def tell_others(session: BuildSession, ending: Ending) -> None:
    """Have the milestones of a session end in other processes, too."""
    if session.has_folder:
        with suppress(OSError):
            (session.folder / _ENDED).write_text(ending.message, encoding="utf-8")


def _watch(this: Callable[[], BuildSession | None], ended: Path) -> None:
    """End what runs here when the flow was ended, or is no longer there."""
    parent = os.getppid()
    waits = threading.Event()
    while ended.parent.is_dir() and not waits.wait(_LOOK_SECONDS):
        message = None
        is_orphan = os.getppid() != parent
        if is_orphan:
            message = "the process of its flow has ended"
        else:
            with suppress(OSError):
                message = ended.read_text(encoding="utf-8")
        session = this()
        if session is None:
            return
        if message is not None:
            session.end_all(Ending(message, is_cancelled=True))
            if is_orphan:
                os._exit(1)  # it would wait for ever: nobody hands out work any more
            return
