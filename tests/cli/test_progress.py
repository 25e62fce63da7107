"""What people see of transfers: a bar on a terminal, nothing on stdout."""

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from support import Service, until

from buildstate_cli.run.place import restore
from buildstate_core.models import ArtifactCreate, ClaimRequest, Transfer, TransferSeen
from buildstate_core.vocabulary import Activity
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.attempt import Claimed, Worker, ask, record, upload
from buildstate_worker.settings import Settings

MIB = 2**20

ON_A_TERMINAL = """
import os
from buildstate_cli.output.progress import meter
from buildstate_core.models import Transfer
from buildstate_core.vocabulary import Activity
with meter(os.environ) as told:
    for percent in (0, 34, 100):
        told(
            Transfer(
                activity=Activity.UPLOADING,
                name="image.qcow2",
                done_bytes=percent * 2**20,
                total_bytes=100 * 2**20,
            )
        )
"""


def on_a_terminal(
    command: Sequence[str | Path], environ: dict[str, str], stream: str
) -> tuple["subprocess.CompletedProcess[bytes]", bytes]:
    """Run a command with one of its streams on a terminal, and give what was shown there."""
    ours, theirs = pty.openpty()
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: theirs}
    done = subprocess.run(command, check=False, env=environ, timeout=60, **streams)
    os.close(theirs)
    shown = b""
    # Reading a terminal whose other end is closed fails at its end.
    with suppress(OSError):
        while read := os.read(ours, 65536):
            shown += read
    os.close(ours)
    return done, shown


@pytest.mark.parametrize("more", [{}, {"NO_COLOR": "1"}], ids=["colours", "NO_COLOR"])
def test_a_bar_on_a_terminal(more: dict[str, str]) -> None:
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "100", **more}
    done, shown = on_a_terminal([sys.executable, "-c", ON_A_TERMINAL], environ, "stderr")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"uploading image.qcow2" in shown
    assert (b"\x1b[3" in shown) == (not more)


def test_a_build_is_drawn_on_a_terminal(
    module_service: Service, environment: dict[str, str]
) -> None:
    build = module_service.make_build(key="drawn")
    module_service.fail(module_service.claim(build, 25), "mirror timed out")
    environ = {**environment, "TERM": "xterm", "COLUMNS": "100"}
    environ.update(BLDST_API_URL=module_service.url, BLDST_API_KEY=module_service.key)
    bldst = Path(sys.executable).with_name("bldst")
    done, shown = on_a_terminal([bldst, "watch", str(build.number)], environ, "stdout")
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"failed at 25 Security baseline" in shown
    assert b"mirror timed out" in shown


def test_neither_a_push_nor_a_pull_says_more_than_it_must(
    module_service: Service, environment: dict[str, str], tmp_path: Path, bldst: Callable[..., Any]
) -> None:
    environment.update(BLDST_API_URL=module_service.url, BLDST_API_KEY=module_service.key)
    project = f"rhel-{uuid4().hex[:8]}"
    module_service.make_project(project, storage_url=(tmp_path / "storage").as_uri())
    build = str(module_service.make_build(project).number)
    image = tmp_path / "image.raw"
    image.write_bytes(os.urandom(3 * MIB))
    pushed = bldst("artifact", "push", build, "25", str(image), "-o", "json")
    assert (pushed.code, len(pushed.err.splitlines())) == (0, 1)
    to = str(tmp_path / "back.raw")
    pulled = bldst("artifact", "pull", pushed.data[0]["id"], "--to", to, "-o", "json")
    assert (pulled.code, len(pulled.err.splitlines())) == (0, 1)
    assert pulled.data[0]["id"] == pushed.data[0]["id"]
    assert Path(to).read_bytes() == image.read_bytes()


def test_the_heartbeat_says_how_far_a_restore_is(
    module_service: Service, environment: dict[str, str], tmp_path: Path
) -> None:
    project = f"rhel-{uuid4().hex[:8]}"
    module_service.make_project(project, storage_url=(tmp_path / "storage").as_uri())
    build = module_service.make_build(project)
    image = tmp_path / "storage" / "image.raw"
    image.parent.mkdir()
    with image.open("wb") as file:
        file.truncate(64 * MIB)
    made = ArtifactCreate(
        state=10,
        name="image.raw",
        storage_type="file",
        uri=image.as_uri(),
        size_bytes=64 * MIB,
    )
    artifact = module_service.client.create_artifact(build.number, made)

    def transfer() -> TransferSeen | None:
        return list(module_service.client.history(build.number))[-1].transfer

    def at_the_end(moving: Transfer) -> None:
        # It is told before the heartbeat is, so that this holds the restore up until that has come.
        if moving.done_bytes == moving.total_bytes:
            until(lambda: transfer() is not None)

    settings = Settings.load(environment)
    mover = Artifacts.of_worker(module_service.client, settings, on_transfer=at_the_end)
    worker = Worker(module_service.client, mover, "packer-07")
    begun = ask(worker, build.id, lambda: ClaimRequest(state=25, lease_seconds=600))
    assert isinstance(begun, Claimed)
    with begun:
        restore(begun, artifact, tmp_path / "work" / "image.raw")
        seen = transfer()
        assert seen is not None
        assert (seen.activity, seen.name) == (Activity.DOWNLOADING, "image.raw")
        record(upload(begun))
