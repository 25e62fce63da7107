"""The adapter of docs/how-to/storage/write-an-adapter.md, installed as another package would be."""

import importlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable, Conflict, Unreachable
from buildstate_worker.storage import registry
from buildstate_worker.storage.base import Storage
from buildstate_worker.transfer import ArtifactStore, transferable

PAGE = Path(__file__).parents[3] / "docs/how-to/storage/write-an-adapter.md"
SEVERAL_PARTS = os.urandom(9 * 2**20 + 3)
URI = "shelf://rhel-base/image.raw"


def blocks(language: str) -> list[str]:
    parser = CodeBlockParser(language, lambda _: None)
    return [str(each.parsed) for each in Sybil(parsers=[parser]).parse(PAGE).examples()]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages, with the page's in it, and its database."""
    site = tmp_path / "site"
    installed = site / "buildstate_shelf-1.0.dist-info"
    installed.mkdir(parents=True)
    (program,), (project,) = blocks("python"), blocks("toml")
    (site / "buildstate_shelf.py").write_text(program)
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: buildstate-shelf\nVersion: 1.0\n"
    )
    _, line = project.splitlines()
    (installed / "entry_points.txt").write_text(
        f"[{registry.ENTRY_POINTS}]\n{line.replace(chr(34), '')}\n"
    )
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("SHELF_FILE", str(tmp_path / "shelf.db"))
    registry._added.cache_clear()
    with closing(sqlite3.connect(tmp_path / "shelf.db")) as shelf:
        shelf.executescript(importlib.import_module("buildstate_shelf").TABLES)
    yield site
    del sys.modules["buildstate_shelf"]
    registry._added.cache_clear()


@pytest.fixture
def storage(site: Path) -> Storage:
    assert site.exists()
    return registry.storage_for(URI)


def test_the_page_names_the_group_that_is_looked_into() -> None:
    assert f'[project.entry-points."{registry.ENTRY_POINTS}"]' in blocks("toml")[0]


def test_a_scheme_is_known_once_its_package_is_installed(site: Path) -> None:
    assert transferable(URI)
    (next(site.glob("*.dist-info")) / "entry_points.txt").write_text("")
    registry._added.cache_clear()
    assert not transferable(URI)


def test_artifacts_come_back(
    storage: Storage, store: ArtifactStore, workspace: Path, tmp_path: Path
) -> None:
    assert type(storage).__module__ == "buildstate_shelf"
    source = workspace / "image.raw"
    for number, content in enumerate((SEVERAL_PARTS, b"")):
        source.write_bytes(content)
        pushed = store.push(source, f"{URI}.{number}")
        store.check(pushed.uri, size_bytes=len(content))
        pulled = store.pull(
            pushed.uri, tmp_path / "back", checksum=pushed.checksum, size_bytes=len(content)
        )
        assert pulled.downloaded_bytes == len(content)
        assert (tmp_path / "back").read_bytes() == content
    assert storage.read(f"{URI}.0", 4 * 2**20 - 1, 2) == SEVERAL_PARTS[4 * 2**20 - 1 :][:2]
    assert [each.size_bytes for each in storage.listing(URI)] == [len(SEVERAL_PARTS), 0]
    with pytest.raises(Conflict):
        store.push(source, f"{URI}.0")
    with pytest.raises(Unreachable):
        storage.copy(f"{URI}.0", f"{URI}.2")
    store.discard(f"{URI}.0")
    store.discard(f"{URI}.0")
    with pytest.raises(ArtifactLost):
        store.check(f"{URI}.0", size_bytes=None)


def test_gone_is_told_from_unreachable(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactLost):
        storage.size_of(URI)
    monkeypatch.setenv("SHELF_FILE", str(tmp_path / "not-mounted" / "shelf.db"))
    with pytest.raises(ArtifactUnreachable, match="unable to open"):
        storage.size_of(URI)
    with pytest.raises(Unreachable, match="unable to open"):
        storage.remove(URI)


UPLOAD_AND_WAIT = """
import sys
from buildstate_worker.storage.registry import storage_for
with storage_for(sys.argv[1]).create(sys.argv[1], expected_bytes=0) as upload:
    upload.put(0, bytes(4 * 2**20))
    print("uploading", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("how", "left"),
    [
        pytest.param(signal.SIGKILL, 1, id="killed"),
        pytest.param(signal.SIGINT, 0, id="interrupted"),
    ],
)
def test_a_worker_that_dies_uploading_leaves_nothing_visible(
    storage: Storage, how: signal.Signals, left: int
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", UPLOAD_AND_WAIT, URI],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == b"uploading\n"
        worker.send_signal(how)
        worker.wait(timeout=60)
    assert list(storage.listing("shelf://")) == []
    orphans = list(storage.unfinished("shelf://rhel-base/"))
    assert len(orphans) == left
    for each in orphans:
        storage.abandon(each)
    assert list(storage.unfinished("shelf://")) == []
