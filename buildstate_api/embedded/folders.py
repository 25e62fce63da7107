"""The folders of a cluster: made once, whole, and closed to others.

No folder that was there before is ever opened to anybody: what the server's user cannot reach is
refused, with the folder's name.
"""

import fcntl
import glob
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from buildstate_api.embedded.accounts import SYSTEM_USER, Account
from buildstate_api.embedded.installs import Install
from buildstate_core.config import ROOT_DATA_DIR
from buildstate_core.errors import InvalidInput, Unreachable

SOCKET_NAME: Final = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES: Final = 100
_BUILTIN_LOCALE_MAJOR: Final = 17


@contextmanager
def exclusive(lock_file: Path, *, seconds: float) -> Iterator[None]:
    """Keep other processes and threads out while the block runs.

    The lock ends with its holder, however that ends.

    Raises:
        Unreachable: Somebody else held it for that long.
    """
    deadline = time.monotonic() + seconds
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise Unreachable(
                        f"Another process has held {lock_file} for {seconds:.0f} s.",
                        code="postgres-start-failed",
                        hint=f"See which one with: fuser {lock_file}",
                    ) from error
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def make_data_dir(data_dir: Path, account: Account) -> None:
    """Make the folder that the cluster's folder lies in, unless it is there.

    Raises:
        InvalidInput: The server's user cannot enter a folder on the way. Nothing was changed.
    """
    missing = [path for path in (data_dir, *data_dir.parents) if not path.exists()]
    _refuse_barrier(missing[-1].parent if missing else data_dir, account)
    for path in reversed(missing):
        try:
            path.mkdir()
        except FileExistsError:
            continue
        path.chmod(0o700 if account.is_caller else 0o755)


def make_cluster(folder: Path, account: Account, install: Install) -> None:
    """Make an empty cluster in one step: a maker that is killed leaves none, not half of one.

    Raises:
        InvalidInput: The folder holds something else, or `initdb` failed.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InvalidInput(
            f"{folder} is not empty, and is not a database.",
            code="not-a-database",
            field="data_dir",
            hint="Set BLDST_DATA_DIR to another folder, or move this one away.",
        )
    prefix = f"{folder.name}.init-"
    for abandoned in folder.parent.glob(f"{glob.escape(prefix)}*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
    try:
        account.take(draft)
        made = account.run(install.bin_dir / "initdb", "--pgdata", draft, *_options(install))
        if made.returncode != 0:
            raise InvalidInput(
                f"PostgreSQL could not make a database in {folder}: {made.stderr.strip()}",
                code="postgres-init-failed",
            )
        draft.rename(folder)
        _sync(folder.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def socket_folder(folder: Path, account: Account) -> Path:
    """Return the folder for the server's socket: the cluster's own, if its path can be used.

    A socket's path is limited to about 100 bytes, and a comma parts two hosts. Else it is a
    private folder named for the cluster: root's in /run, others' in the temporary folder.

    Raises:
        InvalidInput: The private folder was made by somebody else, or is open to others.
    """
    if "," not in str(folder) and '"' not in str(folder) and _fits(folder):
        return folder
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    private = _runtime_folder(account) / f"buildstate-{account.uid}-{digest}"
    if not _fits(private):
        raise InvalidInput(
            f"The temporary folder {private.parent} has too long a path for a socket.",
            code="socket-path-too-long",
            hint="Set TMPDIR to a folder with a shorter path.",
        )
    private.mkdir(mode=0o700, exist_ok=True)
    # Ours as well: a maker that was root may have been killed before it gave the folder away.
    if _is_private(private, os.geteuid()):
        account.take(private)
    refuse_shared(private, account)
    return private


def refuse_shared(folder: Path, account: Account) -> None:
    """Raise `InvalidInput` unless the folder is this user's and closed to everybody else.

    Who can write to it could listen there in the server's place.
    """
    if not _is_private(folder, account.uid):
        raise InvalidInput(
            f"{folder}, where the database's socket lies, is another user's or open to others.",
            code="socket-folder-unsafe",
            hint=f"If it is yours: chmod 0700 {folder}. Else find out who made it, and remove it.",
        )


def _refuse_barrier(folder: Path, account: Account) -> None:
    """Raise `InvalidInput` if the server's user cannot enter this folder."""
    barrier = account.barrier(folder)
    if barrier is not None:
        raise InvalidInput(
            f"PostgreSQL does not run as root, and the user it runs as instead (usually"
            f" {SYSTEM_USER}) cannot enter {barrier}, which is closed to others.",
            code="data-dir-unreachable",
            field="data_dir",
            hint=f"Use the default data folder, {ROOT_DATA_DIR}, or set BLDST_DATA_DIR to a"
            " folder that is not inside a closed one.",
        )


def _is_private(folder: Path, uid: int) -> bool:
    status = folder.lstat()
    is_closed = not stat.S_IMODE(status.st_mode) & 0o077
    return stat.S_ISDIR(status.st_mode) and status.st_uid == uid and is_closed


def _runtime_folder(account: Account) -> Path:
    # Root's is one that only root can make names in. A user's is not /run/user: that goes when
    # they log out, and the server does not.
    run = Path("/run")
    return run if run.is_dir() and not account.is_caller else Path(tempfile.gettempdir())


def _fits(folder: Path) -> bool:
    return len(os.fsencode(folder / SOCKET_NAME)) <= _SOCKET_PATH_BYTES


def _options(install: Install) -> list[str]:
    options = [
        "--username=postgres",
        "--encoding=UTF8",
        "--no-locale",
        "--data-checksums",
        "--auth-local=trust",
        "--auth-host=reject",
    ]
    if install.major >= _BUILTIN_LOCALE_MAJOR:
        # Sorts like C, and knows the case of letters beyond ASCII on every machine alike.
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return options


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
