"""Sources that change while they are read: what was read never existed, and is no artifact."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_worker.transfer import ArtifactStore, digest_of
from buildstate_worker.transfer.sources import feed

MIB = 2**20
LONG_AGO = (1, 1)
"""When the sources were written: clocks of file systems may tick only every 4 ms."""


class Interrupted:
    """A sink that does something to the source once, when bytes begin to come."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act: Callable[[], object] | None = act

    def write(self, _: bytes, /) -> None:
        if self._act is not None:
            self._act()
            self._act = None


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def cut(path: Path) -> None:
    os.truncate(path, 5)


def replace(path: Path) -> None:
    new = path.with_name("new")
    new.write_bytes(path.read_bytes())
    os.utime(new, LONG_AGO)
    new.rename(path)


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [overwrite, append, cut, replace, remove])
@pytest.mark.parametrize("is_folder", [False, True], ids=["file", "folder"])
def test_a_source_that_changes_while_it_is_read_is_refused(
    tmp_path: Path,
    change: Callable[[Path], None],
    is_folder: bool,  # noqa: FBT001 - a parameter of the table
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    image = folder / "image.raw"
    for path in (folder / "before", image, folder / "later"):
        path.write_bytes(b"x" * 9 * MIB)
        os.utime(path, LONG_AGO)
    os.utime(folder, LONG_AGO)
    with pytest.raises(InvalidInput, match=r"out.* cannot become an artifact") as caught:
        feed(folder if is_folder else image, Interrupted(lambda: change(image)))
    assert caught.value.field == "artifact"


def test_what_changed_in_a_folder_is_named_also_when_it_was_read_before(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(b"x" * 9 * MIB)
        os.utime(tmp_path / name, LONG_AGO)
    read: list[int] = []

    class AfterTheFirst:
        def write(self, block: bytes, /) -> None:
            read.append(len(block))
            if 10 * MIB < sum(read) < 20 * MIB:
                overwrite(tmp_path / "a")

    with pytest.raises(InvalidInput, match=r"/a cannot become an artifact: it changed while"):
        feed(tmp_path, AfterTheFirst())


def test_an_upload_of_what_changes_is_given_up(
    store: ArtifactStore, place: Any, tmp_path: Path
) -> None:
    image = tmp_path / "image.raw"
    with image.open("wb") as file:
        # More than is read ahead.
        file.truncate(64 * MIB)
    os.utime(image, LONG_AGO)
    with pytest.raises(InvalidInput, match="it changed while it was read"):
        store.push(image, place.uri("image.raw"), on_progress=lambda _: overwrite(image))
    assert (place.names(), place.unfinished()) == ([], 0)
    # Nothing writes to it any more.
    assert store.push(image, place.uri("image.raw")).checksum == digest_of(image)


def test_looking_at_a_source_does_not_change_it(store: ArtifactStore, tmp_path: Path) -> None:
    source = tmp_path / "out"
    source.mkdir()
    (source / "image.raw").write_bytes(b"x" * MIB)
    uri = (tmp_path / "storage" / "out.tar").as_uri()

    def look() -> None:
        digest_of(source)
        (source / "image.raw").read_bytes()

    feed(source, Interrupted(look))
    pushed = store.push(source, uri, on_progress=lambda _: look())
    assert pushed.checksum == digest_of(source)
