"""botocore's session and clients, as the storage and the probes of handles both use them.

Where and as whom is for botocore to find, as for every other AWS tool on the worker. botocore
alone: of boto3 nothing else is needed, and it takes as long again to be imported.
"""

import os
from functools import cache
from threading import Lock
from typing import Any, Final, NamedTuple

import botocore.loaders
import botocore.session
from botocore.config import Config

CONNECT_SECONDS: Final = 3
LOOK_SECONDS: Final = 5
LOOKS: Final = 2


class Patience(NamedTuple):
    """How long a client waits for an answer, and how often it asks in all."""

    seconds: int
    tries: int

    def config(self) -> Config:
        """Return botocore's words for it."""
        return Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=self.seconds,
            retries={"mode": "standard", "total_max_attempts": self.tries},
        )


def for_questions() -> Patience:
    """Return the patience for questions: given up within 15 seconds."""
    return Patience(LOOK_SECONDS, LOOKS)


class AwsClients:
    """The clients of this worker, made when they are first asked for. Threads share them.

    Args:
        config: What all of them are told besides their patience.
    """

    def __init__(self, config: Config | None = None) -> None:
        self._config = config
        self._processes: dict[int, _Process] = {}

    def get(
        self, service: str, *, region: str | None = None, patience: Patience | None = None
    ) -> Any:
        """Return the client for a service.

        Args:
            service: As botocore names it: `s3`, `ec2`, `sts`.
            region: `None`: as the environment says.
            patience: `None`: that for questions.

        Raises:
            BotoCoreError: The environment or the config file is wrong.
            ValueError: A value in it, such as an endpoint's URL, is wrong.
        """
        # Neither a session nor a client survives a fork.
        process = self._processes.setdefault(os.getpid(), _Process())
        return process.client(service, region, patience or for_questions(), self._config)


class _Process:
    """The session of one process, and its clients."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._session: botocore.session.Session | None = None
        self._clients: dict[tuple[str, str | None, Patience], Any] = {}

    def client(
        self, service: str, region: str | None, patience: Patience, config: Config | None
    ) -> Any:
        key = (service, region, patience)
        with self._lock:
            if self._session is None:
                self._session = _new_session()
            if key not in self._clients:
                self._clients[key] = self._session.create_client(
                    service, region_name=region, config=patience.config().merge(config or Config())
                )
            return self._clients[key]


def _new_session() -> botocore.session.Session:
    session = botocore.session.Session()
    # A role is taken on through a client of the session's own, which must not wait long either.
    session.set_default_client_config(for_questions().config())
    session.lazy_register_component(
        "data_loader", lambda: _loader(session.get_config_variable("data_path"))
    )
    return session


@cache
def _loader(data_path: str | None) -> botocore.loaders.Loader:
    """Share what botocore knows of AWS's services: each session would read its files anew."""
    return botocore.loaders.create_loader(data_path)
