"""What `test_interruption` interrupts: tests that never end, with all that tests start.

Nobody collects it who does not name it.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from support import short_folder
from support.azurite import azurite
from support.faults import proxied
from support.gcs import gcs_server
from support.guard import begin_run
from support.machine import machines
from support.openssh import SSHD, openssh_server
from support.ports import free_port
from support.prefect import prefect_server
from support.s3 import s3_server
from support.sftp import sftp_server

HEARD = """
import signal
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
assert signal.getsignal(signal.SIGQUIT) is signal.SIG_DFL
"""


def wait_for_ever(name: str) -> None:
    """Say where this run's files are, and wait."""
    said = Path(os.environ["INTERRUPTED"], name)
    said.with_suffix(".new").write_text(str(begin_run().folder))
    said.with_suffix(".new").rename(said)
    threading.Event().wait()


@pytest.fixture
def background() -> Iterator[None]:
    """A service in the background, and a command that waits for another."""
    with short_folder() as folder, machines(folder, {}) as make:
        machine = make("a")
        assert machine.bldst("server", "start", "--background", "--port", "0").code == 0
        assert machine.bldst("project", "create", "rhel-base").code == 0
        made = machine.bldst("build", "create", "-p", "rhel-base", "--version", "9.6", "-q")
        command = ("sh", "-c", "touch here; sleep 1000; true")
        machine.start("run", made.out.strip(), "--state", "25", "--", *command)
        machine.await_file("here")
        yield
        machine.bldst("server", "stop")


@pytest.fixture
def storages(tmp_path: Path) -> Iterator[None]:
    with ExitStack() as stack:
        stack.enter_context(s3_server(tmp_path / "s3"))
        stack.enter_context(gcs_server(tmp_path / "gcs"))
        stack.enter_context(sftp_server(tmp_path / "sftp"))
        azure = stack.enter_context(azurite())
        stack.enter_context(proxied(azure.port))
        if SSHD.exists():
            (tmp_path / "ssh").mkdir()
            stack.enter_context(openssh_server(tmp_path / "ssh", port=free_port()))
        yield


@pytest.mark.usefixtures("service", "service_process", "background")
def test_services() -> None:
    wait_for_ever("services")


@pytest.mark.usefixtures("storages")
def test_storages() -> None:
    wait_for_ever("storages")


def test_orchestrator(tmp_path: Path, prefect_home: Path) -> None:
    with prefect_server(tmp_path / "prefect", home=prefect_home):
        wait_for_ever("orchestrator")


def test_what_is_started_hears_signals() -> None:
    subprocess.run([sys.executable, "-c", HEARD], check=True)
