"""Where the demo runs: a throw-away folder with a service, a Prefect server and workers in it."""

import contextlib
import importlib.util
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self

import urllib3

from buildstate_cli.server import process as service_process
from buildstate_cli.waiting import comes_true
from buildstate_core.config import read_config
from buildstate_core.errors import BuildStateError, InvalidInput
from buildstate_worker.client import STEADY, Client

_READY_SECONDS: Final = 180.0
_STOP_SECONDS: Final = 30.0
_MAX_SAID: Final = 1000
_LEASE_SECONDS: Final = 5
# Below what a system gives to the near end of a connection, which takes a port at any moment.
_PORTS: Final = range(10_000, 32_000)


@dataclass
class DemoEnvironment:
    """What the demo runs in. Open it with `DemoEnvironment.set_up`.

    Attributes:
        folder: Everything is in here.
        environ: For every process of the demo, so that none touches what is the user's.
        client: For the throw-away service.
    """

    folder: Path
    environ: Mapping[str, str]
    client: Client = field(init=False)

    @classmethod
    @contextlib.contextmanager
    def set_up(cls, environ: Mapping[str, str], *, keep: bool) -> Iterator[Self]:
        """Start the service and the Prefect server, and end both; the folder goes unless kept.

        Raises:
            InvalidInput: A part of BuildState that the demo needs is not installed.
        """
        for module, extra in (("uvicorn", "server"), ("prefect", "flows")):
            if importlib.util.find_spec(module) is None:
                raise InvalidInput(
                    f"The demo needs {module}, which is not installed.",
                    code="extra-missing",
                    hint=f"Install it with: pip install 'buildstate[{extra}]'",
                )
        folder = Path(tempfile.mkdtemp(prefix="bldst-demo-"))
        (folder / "tmp").mkdir()
        folder.chmod(0o711)  # as root, PostgreSQL runs as a user of its own and has to get through
        port = _free_port()
        try:
            with contextlib.ExitStack() as stack:
                environment = cls(folder, _environ(environ, folder, port))
                prefect = stack.enter_context(environment._prefect_server(port))
                url, key = stack.enter_context(environment._service())
                environment.environ = {
                    **environment.environ,
                    "BLDST_API_URL": url,
                    "BLDST_API_KEY": key,
                }
                environment.client = stack.enter_context(Client(url, key, retries=STEADY))
                environment._await_prefect(prefect, port)
                yield environment
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)

    def worker(
        self, name: str, *arguments: str
    ) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
        """Start a worker: a process with a workspace and a cache of its own, both empty."""
        workspace = self.folder / f"worker-{name}"
        workspace.mkdir()
        variables = {
            "BLDST_WORKER": f"worker {name}",
            "BLDST_CACHE_DIR": str(self.folder / f"cache-{name}"),
        }
        command = [sys.executable, "-m", "buildstate_flows.demo.flow", *arguments]
        return self._process(
            f"worker-{name}", command, folder=workspace, variables=variables, end=signal.SIGKILL
        )

    @contextlib.contextmanager
    def _service(self) -> Iterator[tuple[str, str]]:
        """Start the service, and yield its URL and an administrator's key."""
        with self._process("service", service_process.command("--port", "0")) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            facts = service_process.ready_facts(process.stdout)
            if facts is None:
                raise self._not_started("service")
            config = read_config(self.folder / "config" / "config.toml")
            yield str(facts["url"]), config["profiles"]["local"]["api_key"]

    def _prefect_server(
        self, port: int
    ) -> contextlib.AbstractContextManager[subprocess.Popen[str]]:
        """Start Prefect's server, which is not ready yet: see `_await_prefect`."""
        command = [sys.executable, "-m", "prefect", "server", "start", "--no-services"]
        command += ["--host", "127.0.0.1", "--port", str(port)]
        return self._process("prefect-server", command, is_logged=True)

    @contextlib.contextmanager
    def _process(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path | None = None,
        variables: Mapping[str, str] | None = None,
        is_logged: bool = False,
        end: signal.Signals = signal.SIGTERM,
    ) -> Iterator[subprocess.Popen[str]]:
        """Start a program with a log of its own, and end it and what it started after the block.

        Args:
            name: What its log is called.
            command: The program and its arguments.
            folder: Where it runs. Default: the demo's folder.
            variables: What its environment has besides.
            is_logged: Whether its stdout goes to the log; else it is a pipe.
            end: The first signal that asks it to end.
        """
        with (self.folder / f"{name}.log").open("w") as log:
            process = subprocess.Popen(  # noqa: S603 - our own programs
                command,
                cwd=folder or self.folder,
                env={**self.environ, **(variables or {})},
                stdin=subprocess.DEVNULL,
                stdout=log if is_logged else subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                _end(process, end)

    def _await_prefect(self, process: subprocess.Popen[str], port: int) -> None:
        """Wait until Prefect's server answers.

        Raises:
            BuildStateError: It ended, or does not answer in time.
        """
        is_up = comes_true(
            lambda: process.poll() is not None or _is_healthy(port), within_seconds=_READY_SECONDS
        )
        if not is_up or process.poll() is not None:
            raise self._not_started("prefect-server")

    def _not_started(self, name: str) -> BuildStateError:
        said = " ".join((self.folder / f"{name}.log").read_text(errors="replace").split())
        return BuildStateError(
            f"The demo's {name} did not start: {said[-_MAX_SAID:] or 'it said nothing.'}",
            code="demo-not-started",
            hint="Run it again with --keep and look at its log there.",
        )


def _environ(environ: Mapping[str, str], folder: Path, prefect_port: int) -> dict[str, str]:
    # Nothing here leaves this machine, and Prefect would look for it behind a proxy.
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("BLDST_", "PREFECT_")) and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "BLDST_DATA_DIR": str(folder / "data"),
        "BLDST_CONFIG_DIR": str(folder / "config"),
        "BLDST_CACHE_DIR": str(folder / "cache"),
        "BLDST_STORAGE_URL": (folder / "storage").as_uri(),
        "BLDST_LEASE_SECONDS": str(_LEASE_SECONDS),
        # A killed worker leaves its own temporary files behind; here they go with the rest.
        "TMPDIR": str(folder / "tmp"),
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{prefect_port}/api",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
        "PYTHONUNBUFFERED": "1",
    }


def _is_healthy(prefect_port: int) -> bool:
    url = f"http://127.0.0.1:{prefect_port}/api/health"
    try:
        return urllib3.request("GET", url, retries=False, timeout=5).status == HTTPStatus.OK
    except urllib3.exceptions.HTTPError:
        return False


def _free_port() -> int:
    while True:
        port = random.SystemRandom().choice(_PORTS)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _end(process: subprocess.Popen[str], how: signal.Signals) -> None:
    """End a process and all that it has started."""
    for each in (how, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, each)
        try:
            process.wait(_STOP_SECONDS)
            break
        except subprocess.TimeoutExpired:
            continue
    if process.stdout is not None:
        process.stdout.close()
