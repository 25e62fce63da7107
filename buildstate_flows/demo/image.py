"""A disk image whose files can be read and written without mounting it or being root.

An ext4 image where e2fsprogs is installed, and otherwise a tar of the tree.
"""

import io
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Protocol, Self

_FOLDERS = ("/sbin", "/usr/sbin", "/usr/local/sbin")


def new_image(tree: Path, stem: Path, *, size_bytes: int) -> "DiskImage":
    """Make an image of a tree.

    Args:
        tree: What goes into it.
        stem: The image's path, without the suffix that says what it is.
        size_bytes: How large a disk it is; a tar is as large as what is in it.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    mke2fs = _tool("mke2fs")
    if mke2fs is None or _tool("debugfs") is None:
        path = stem.with_suffix(".tar")
        with tarfile.open(path, "w") as tar:
            tar.add(tree, arcname=".")
    else:
        path = stem.with_suffix(".ext4")
        path.unlink(missing_ok=True)
        _run(mke2fs, "-q", "-t", "ext4", "-d", str(tree), str(path), f"{size_bytes // 1024}k")
    return DiskImage(path)


class DiskImage:
    """An image at a path.

    Args:
        path: Where it is; its suffix says what it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._format: _Format = _Ext4(path) if path.suffix == ".ext4" else _Tar(path)

    @classmethod
    def copy(cls, image: Path, stem: Path) -> Self:
        """Copy an image, to change the copy."""
        stem.parent.mkdir(parents=True, exist_ok=True)
        return cls(Path(shutil.copyfile(image, stem.with_suffix(image.suffix))))

    def read(self, name: str) -> bytes:
        """Read one file of it; empty if there is none."""
        return self._format.read(name)

    def write(self, name: str, content: bytes) -> None:
        """Write one file in it; its folder has to be there or one level below one that is."""
        self._format.write(name, content)

    def is_sound(self) -> bool:
        """Return whether the image's own structure has no errors."""
        return self._format.is_sound()


class _Format(Protocol):
    def read(self, name: str) -> bytes: ...
    def write(self, name: str, content: bytes) -> None: ...
    def is_sound(self) -> bool: ...


class _Ext4:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> bytes:
        return self._debugfs(f'cat "/{name}"')

    def write(self, name: str, content: bytes) -> None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            folder = name.rpartition("/")[0]
            for request in (
                f'mkdir "/{folder}"',
                f'rm "/{name}"',
                f'write "{file.name}" "/{name}"',
            ):
                self._debugfs(request, "-w")

    def is_sound(self) -> bool:
        e2fsck = _tool("e2fsck")
        return e2fsck is None or _returns_zero(e2fsck, "-f", "-n", str(self._path))

    def _debugfs(self, request: str, *options: str) -> bytes:
        return _run(_tool("debugfs") or "debugfs", *options, "-R", request, str(self._path))


class _Tar:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> bytes:
        with tarfile.open(self._path) as tar:
            # A file that was written again is there twice, and the last one counts.
            found = [each for each in tar.getmembers() if each.name.removeprefix("./") == name]
            file = tar.extractfile(found[-1]) if found else None
            return file.read() if file is not None else b""

    def write(self, name: str, content: bytes) -> None:
        with tarfile.open(self._path, "a") as tar:
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))

    def is_sound(self) -> bool:
        return tarfile.is_tarfile(self._path)


def _tool(name: str) -> str | None:
    """Find a program that is often outside an ordinary user's PATH."""
    return shutil.which(name) or next(
        (found for folder in _FOLDERS if (found := shutil.which(name, path=folder))), None
    )


def _run(program: str, *arguments: str) -> bytes:
    return subprocess.run(  # noqa: S603 - a program of the system, no shell
        [program, *arguments], check=True, capture_output=True
    ).stdout


def _returns_zero(program: str, *arguments: str) -> bool:
    return (
        subprocess.run(  # noqa: S603 - a program of the system, no shell
            [program, *arguments], check=False, capture_output=True
        ).returncode
        == 0
    )
