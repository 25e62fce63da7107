"""A real Prefect server in a process of its own, spoken to over HTTP as its users' tools do."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import urllib3

from support.ports import free_port
from support.waiting import until

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_CLI_PROMPT": "false",
}


@dataclass
class PrefectServer:
    """A running server.

    Attributes:
        url: Its API.
    """

    url: str

    def ask(self, method: str, path: str, body: object = None) -> Any:
        answer = urllib3.request(
            method, self.url + path, json=body, timeout=60, retries=urllib3.Retry(3)
        )
        assert answer.status < 400, (path, answer.status, answer.data)
        return answer.json() if answer.data else None

    def is_ready(self) -> bool:
        with suppress(urllib3.exceptions.HTTPError):
            return (
                urllib3.request("GET", f"{self.url}/health", retries=False, timeout=5).data != b""
            )
        return False

    def deploy(self, name: str | None = None, **fields: Any) -> str:
        """Make a flow and a deployment of it, and give the deployment's id."""
        flow = self.ask("POST", "/flows/", {"name": name or f"flow-{uuid4().hex[:8]}"})
        made = self.ask(
            "POST", "/deployments/", {"name": "default", "flow_id": flow["id"], **fields}
        )
        return str(made["id"])

    def start(self, deployment: str, state: str | None = "RUNNING", **fields: Any) -> str:
        """Make a flow run of a deployment, in a state, and give its id."""
        run = self.ask("POST", f"/deployments/{deployment}/create_flow_run", fields)
        if state is not None:
            self.set_state(run["id"], state)
        return str(run["id"])

    def set_state(self, run: str, state: str) -> None:
        body = {"state": {"type": state}, "force": True}
        self.ask("POST", f"/flow_runs/{run}/set_state", body)

    def run(self, run: object) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/flow_runs/{run}")
        return found

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        """List the runs of a deployment."""
        which = {"deployments": {"id": {"any_": [deployment]}}}
        found: list[dict[str, Any]] = self.ask("POST", "/flow_runs/filter", which)
        return found

    def add_task_run(self, run: str, state: str) -> str:
        body = {
            "flow_run_id": run,
            "task_key": "milestone",
            "dynamic_key": uuid4().hex,
            "state": {"type": state},
        }
        return str(self.ask("POST", "/task_runs/", body)["id"])

    def add_subflow(self, run: str, deployment: str | None) -> str:
        """Make a running flow run below another one; of a deployment, as if it ran elsewhere."""
        body = {
            "flow_id": self.run(run)["flow_id"],
            "deployment_id": deployment,
            "parent_task_run_id": self.add_task_run(run, "RUNNING"),
            "state": {"type": "RUNNING"},
        }
        return str(self.ask("POST", "/flow_runs/", body)["id"])

    def task_runs(self, run: str) -> list[dict[str, Any]]:
        which = {"flow_runs": {"id": {"any_": [run]}}}
        found: list[dict[str, Any]] = self.ask("POST", "/task_runs/filter", which)
        return found


def migrated_home(folder: Path) -> Path:
    """Give a `PREFECT_HOME` to copy, whose database is migrated, made once for all processes.

    To migrate takes a server two thirds of the time that it needs to start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = folder / "prefect"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            with prefect_server(folder / "first"):
                pass
            (folder / "first" / "prefect").rename(made)
    return made


@contextmanager
def prefect_server(
    folder: Path, *, has_services: bool = False, home: Path | None = None
) -> Iterator[PrefectServer]:
    """Run a Prefect server on a free port until the end of the block.

    Args:
        folder: Where to put its data and its log.
        has_services: Whether it works in the background, too: so that it records task runs.
        home: What its data begins as. Default: empty, to be migrated.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if home is not None:
        shutil.copytree(home, folder / "prefect")
    port = free_port()
    server = PrefectServer(f"http://127.0.0.1:{port}/api")
    log = folder / "prefect-server.log"
    command = [sys.executable, "-m", "prefect", "server", "start"]
    if not has_services:
        command.append("--no-services")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env={
                **{name: each for name, each in os.environ.items() if "PREFECT" not in name},
                **QUIET,
                "PREFECT_HOME": str(folder / "prefect"),
            },
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )

        def is_ready() -> bool:
            assert process.poll() is None, log.read_text()
            return server.is_ready()

        try:
            until(is_ready, seconds=150)
            yield server
        finally:
            end_group(process)


def end_group(process: "subprocess.Popen[Any]") -> None:
    """End a process and all that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(15)
            break
