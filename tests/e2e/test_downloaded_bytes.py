"""Resuming downloads one checkpoint, by the bytes that the server sent."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from support import Service
from support.faults import Proxy, proxied
from support.machine import Machine
from support.sftp import Sftp, sftp_server

SIZE = 256 * 2**20
STATES = (10, 20, 30, 40, 50)

# The files are mostly holes, which are stored in no time, and sent in full when they are read.
PIPELINE = (
    "".join(
        f"bldst run $ID --state {state} --artifact {state}.img --"
        f" sh -c 'truncate -s 256M {state}.img; printf {state} | dd of={state}.img conv=notrunc'\n"
        for state in STATES
    )
    + "bldst run $ID --state 60 -- sh -c 'head -c 2 50.img > first; exit $END'\n"
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sftp]:
    with sftp_server(tmp_path / "sftp") as server:
        yield server


@pytest.fixture
def proxy(server: Sftp) -> Iterator[Proxy]:
    with proxied(server.port) as proxy:
        yield proxy


def test_a_resume_downloads_one_checkpoint_of_five_and_none_that_is_in_the_cache(
    make_machine: Callable[..., Machine], service: Service, server: Sftp, proxy: Proxy
) -> None:
    storage = server.uri("images", port=proxy.port)
    project = service.make_project(f"p{uuid4().hex}", storage_url=storage)
    build = str(service.make_build(project).number)
    home = {"HOME": str(server.home)}
    assert make_machine("server-a", **home).script(PIPELINE, ID=build, END="9").code == 9
    assert len(list(server.files.rglob("*.img"))) == len(STATES)

    elsewhere = make_machine("server-b", **home)
    before = proxy.download.count
    assert elsewhere.script(PIPELINE, ID=build, END="9").code == 9
    assert elsewhere.read("first") == "50"
    assert SIZE <= proxy.download.count - before < 1.05 * SIZE

    (elsewhere.folder / "50.img").unlink()
    before = proxy.download.count
    assert elsewhere.script(PIPELINE, ID=build, END="0").code == 0
    assert proxy.download.count - before < 0.01 * SIZE
