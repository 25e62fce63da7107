"""How this worker speaks to Google Cloud Storage, and as whom.

Google's Application Default Credentials are looked for in its environment. `STORAGE_EMULATOR_HOST`
names another server, which is asked without credentials.
"""

import logging
import os
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import google.auth
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from google.cloud import storage  # type: ignore[import-untyped]

from buildstate_worker.storage.uris import bucket_and_key

_SCOPE: Final = "https://www.googleapis.com/auth/devstorage.read_write"
_TOKEN_SECONDS: Final = 5


@dataclass(frozen=True)
class Client:
    """The connection and the library's client of one process, shared by its threads."""

    session: AuthorizedSession
    storage: Any

    def blob(self, uri: str) -> Any:
        """Return the library's blob for a URI; nothing is sent."""
        bucket, name = bucket_and_key(uri)
        return self.storage.bucket(bucket).blob(name)


class Clients:
    """The clients of this worker, one for each process. Threads share them."""

    def __init__(self) -> None:
        self._clients: dict[int, Client] = {}
        self._lock = Lock()

    def here(self) -> Client:
        """Return the client of this process; a connection does not survive a fork.

        Raises:
            GoogleAuthError: There are no credentials, or they cannot be used.
        """
        known = os.getpid()
        with self._lock:
            if known not in self._clients:
                session = _session()
                client = storage.Client(
                    project=None, credentials=session.credentials, _http=session
                )
                self._clients[known] = Client(session, client)
            return self._clients[known]


def _session() -> AuthorizedSession:
    credentials: Any
    if os.environ.get("STORAGE_EMULATOR_HOST"):
        credentials = AnonymousCredentials()  # type: ignore[no-untyped-call]
    else:
        # It warns that it found no project, which nothing here needs.
        log = logging.getLogger("google.auth._default")
        if log.level == logging.NOTSET:
            log.setLevel(logging.ERROR)
        credentials, _ = google.auth.default(scopes=[_SCOPE])
    return AuthorizedSession(  # type: ignore[no-untyped-call]
        credentials, refresh_timeout=_TOKEN_SECONDS
    )
