"""Disks that are full soon, and a folder that can do as little as one over NFS."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_CAPABILITIES_3 = 0x20080522
_MAY_OVERRIDE = 1 << 1 | 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: permissions of files mean nothing."""

_HOLD = 'mount -t "$1" -o "$2" none "$3" && echo mounted && exec cat'


@contextmanager
def small_disk(path: Path, size_bytes: int) -> Iterator[Path]:
    """Give a disk of this size (in whole pages), which is gone with all its files afterwards.

    Root gets it at `path`. Any other user gets a path of `/proc`, since the mount is one of a
    user namespace: do not resolve that, and do not give it to another user's process.
    """
    with _mounted(path, "tmpfs", f"size={size_bytes},mode=0700") as disk:
        yield disk


@contextmanager
def nfs_like(path: Path) -> Iterator[Path]:
    """Give a folder with what NFS 3 and 4.0 have, and without what they have not.

    It is another file system than any other, renames within it are atomic, files can be linked
    and locked; but it knows no reflinks, no preallocation, and no holes: a sparse file is all
    data to a reader. A real mount needs the kernel's client, which machines of CI rarely have.
    """
    with _mounted(path, "ramfs", "mode=0700") as folder:
        yield folder


@contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Let permissions of files count for this thread, and those it starts, also if it is root."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    # Effective, permitted, inheritable: the lower 32 of each, then the upper.
    sets = (ctypes.c_uint32 * 6)()
    _succeed(libc.capget(header, sets))
    effective = sets[0]
    sets[0] = effective & ~_MAY_OVERRIDE
    _succeed(libc.capset(header, sets))
    try:
        yield
    finally:
        sets[0] = effective
        _succeed(libc.capset(header, sets))


def _succeed(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextmanager
def _mounted(path: Path, kind: str, options: str) -> Iterator[Path]:
    path.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        with _mounted_by_root(path, kind, options):
            yield path
    else:
        with _mounted_in_namespace(path, kind, options) as seen:
            yield seen


@contextmanager
def _mounted_by_root(path: Path, kind: str, options: str) -> Iterator[None]:
    command = ["mount", "-t", kind, "-o", options, "none", path]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"root may not mount here, as in a container: {done.stderr.decode().strip()}")
    try:
        yield
    finally:
        # Lazily: a program that is still ending must not keep the test run from it.
        subprocess.run(["umount", "--lazy", path], check=True)


@contextmanager
def _mounted_in_namespace(path: Path, kind: str, options: str) -> Iterator[Path]:
    command = ["unshare", "-Urm", "sh", "-c", _HOLD, "sh", kind, options, path]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stderr is not None
        try:
            if not holder.stdout.readline():
                said = holder.stderr.read().decode().strip()
                pytest.skip(f"only root may mount here; without being root: {said}")
            yield Path(f"/proc/{holder.pid}/root{path}")
        finally:
            holder.stdin.close()
            holder.wait()
