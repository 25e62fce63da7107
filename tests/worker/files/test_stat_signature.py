"""A signature tells whatever was touched, and says nothing where nobody can tell."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buildstate_worker.files.stat_signature import MISSING, signature


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/file").write_text("text")
    (folder / "link").symlink_to("deep/file")
    return folder


def same_size_and_times(path: Path) -> None:
    """Write as many bytes as there were, and set the time back."""
    status = path.stat()
    path.write_text("TEXT")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    "touch",
    [
        pytest.param(lambda folder: (folder / "deep/file").write_text("text2"), id="size"),
        pytest.param(lambda folder: same_size_and_times(folder / "deep/file"), id="set back"),
        pytest.param(lambda folder: (folder / "deep/file").chmod(0o600), id="mode"),
        pytest.param(lambda folder: (folder / "deep/file").rename(folder / "file"), id="renamed"),
        pytest.param(lambda folder: (folder / "deep/new").touch(), id="new"),
        pytest.param(lambda folder: (folder / "link").unlink(), id="gone"),
        pytest.param(lambda folder: (folder / "deep").rename(folder / "depth"), id="a folder"),
    ],
)
def test_what_was_touched_has_another_one(touch: Callable[[Path], Any], folder: Path) -> None:
    before = signature(folder)
    assert before == signature(folder)
    touch(folder)
    assert signature(folder) not in {None, before}


def test_reading_changes_nothing(folder: Path) -> None:
    before = signature(folder), signature(folder / "deep/file")
    assert (folder / "deep/file").read_text() == "text"
    assert (signature(folder), signature(folder / "deep/file")) == before


def test_a_link_is_as_what_it_leads_to(folder: Path) -> None:
    assert signature(folder / "link") == signature(folder / "deep/file")
    (folder / "deep/file").write_text("other")
    before = signature(folder / "link")
    (folder / "other").write_text("other")
    (folder / "link").unlink()
    (folder / "link").symlink_to("other")
    assert signature(folder / "link") != before


@pytest.mark.parametrize("place", ["none", "none/below", "deep/file/below"])
def test_what_is_not_there_is_said_to_be_missing(place: str, folder: Path) -> None:
    assert signature(folder / place) == MISSING


@pytest.mark.parametrize("place", ["x" * 300, "loop"])
def test_what_cannot_be_looked_at_has_none(place: str, folder: Path) -> None:
    (folder / "loop").symlink_to("loop")
    assert signature(folder / place) is None
