"""The stage of the demo: a throw-away folder, a service and a Prefect server in it, and workers."""

import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self

import urllib3

from buildstate_core.errors import BuildStateError, InvalidInput
from buildstate_worker.client import STEADY, Client

_READY_SECONDS: Final = 180.0
_STOP_SECONDS: Final = 30.0
_MAX_SAID: Final = 1000
_LEASE_SECONDS: Final = 5


@dataclass
class Stage:
    """What the demo runs on. Open it with `Stage.set_up`.

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
                stage = cls(folder, _environ(environ, folder, port))
                prefect = stack.enter_context(stage._process("prefect-server", *_prefect(port)))
                url, key = stack.enter_context(stage._service())
                stage.environ = {**stage.environ, "BLDST_API_URL": url, "BLDST_API_KEY": key}
                stage.client = stack.enter_context(Client(url, key, retries=STEADY))
                stage._await_prefect(prefect, port)
                yield stage
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def worker(self, name: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start a worker: a process with a workspace and a cache of its own, both empty."""
        workspace = self.folder / f"worker-{name}"
        workspace.mkdir()
        environ = {
            **self.environ,
            "BLDST_WORKER": f"worker {name}",
            "BLDST_CACHE_DIR": str(self.folder / f"cache-{name}"),
        }
        with (self.folder / f"worker-{name}.log").open("w") as log:
            process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "buildstate_flows.demo.flow", *arguments],
                cwd=workspace,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                _end(process, signal.SIGKILL)

    @contextlib.contextmanager
    def _service(self) -> Iterator[tuple[str, str]]:
        command = [sys.executable, "-m", "buildstate_cli.main", "server", "start"]
        options = ("--port", "0", "--output", "json")
        with self._process("service", *command, *options) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            answer = ""
            for line in process.stdout:
                answer += line
                if line.startswith("}"):
                    break
            if not answer:
                raise self._not_started("service")
            key = self.folder / "config" / "config.toml"
            yield json.loads(answer)["url"], _key_in(key)

    @contextlib.contextmanager
    def _process(self, name: str, *command: str) -> Iterator[subprocess.Popen[str]]:
        with (self.folder / f"{name}.log").open("w") as log:
            process = subprocess.Popen(  # noqa: S603 - our own programs
                command,
                cwd=self.folder,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if name == "service" else log,
                stderr=log,
                text=True,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                _end(process, signal.SIGTERM)

    def _await_prefect(self, process: subprocess.Popen[str], port: int) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                url = f"http://127.0.0.1:{port}/api/health"
                if urllib3.request("GET", url, retries=False, timeout=5).status == HTTPStatus.OK:
                    return
            time.sleep(0.2)
        raise self._not_started("prefect-server")

    def _not_started(self, name: str) -> BuildStateError:
        said = " ".join((self.folder / f"{name}.log").read_text(errors="replace").split())
        return BuildStateError(
            f"The demo's {name} did not start: {said[-_MAX_SAID:] or 'it said nothing.'}",
            code="demo-not-started",
            hint="Run it again with --keep and look at its log there.",
        )


def _environ(environ: Mapping[str, str], folder: Path, prefect_port: int) -> dict[str, str]:
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("BLDST_", "PREFECT_"))
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


def _prefect(port: int) -> list[str]:
    command = [sys.executable, "-m", "prefect", "server", "start", "--no-services"]
    return [*command, "--host", "127.0.0.1", "--port", str(port)]


def _key_in(config_file: Path) -> str:
    from buildstate_core.config import read_config  # noqa: PLC0415 - only the demo asks

    key: str = read_config(config_file)["profiles"]["local"]["api_key"]
    return key


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
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
