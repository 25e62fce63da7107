"""The operating system's user that PostgreSQL runs as.

PostgreSQL refuses to run as root. For root that user is the owner of an existing cluster, else a
system user of our own; for everybody else it is the caller.
"""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from buildstate_core.errors import InvalidInput

SYSTEM_USER: Final = "buildstate"

# Nothing of the caller's: a PGDATA, PGPORT or locale of theirs must not reach the server.
_ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "TZ": "UTC",
}


@dataclass(frozen=True)
class Account:
    """A user and its group, by number."""

    uid: int
    gid: int

    @property
    def is_caller(self) -> bool:
        """Whether this is the user that we run as ourselves."""
        return self.uid == os.geteuid()

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as this user, in a session of its own.

        So a Ctrl-C on our terminal does not reach it. A failure is for the caller to judge.

        Raises:
            OSError: The program is not there, or this user may not run it.
        """
        change: dict[str, Any] = {}
        if not self.is_caller:
            change = {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.run(  # noqa: S603 - the programs are PostgreSQL's and `test`
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=_ENVIRONMENT,
            cwd="/",
            umask=0o077,
            start_new_session=True,
            check=False,
            **change,
        )

    def take(self, folder: Path) -> None:
        """Make a folder of ours this user's."""
        if not self.is_caller:
            os.chown(folder, self.uid, self.gid, follow_symlinks=False)

    def barrier(self, folder: Path) -> Path | None:
        """Name the first folder on the way into `folder` that this user cannot enter, if any."""
        if self.is_caller:
            return None
        way = [at for at in (*reversed(folder.parents), folder) if at.is_dir()]
        return next((at for at in way if self.run("test", "-x", at).returncode != 0), None)


def account_for(cluster: Path) -> Account:
    """Return the user that the cluster runs as, or will when it is made.

    Raises:
        InvalidInput: The cluster is another user's, or root has no system user and cannot make
            one.
    """
    owner = cluster.stat().st_uid if cluster.exists() else None
    if os.geteuid() != 0:
        if owner not in {None, os.geteuid()}:
            raise InvalidInput(
                f"The database folder {cluster} belongs to {_name(owner)}.",
                code="data-dir-foreign",
                hint="Run this as that user, or set BLDST_DATA_DIR to a folder of your own.",
            )
        return Account(os.geteuid(), os.getegid())
    if not owner:
        return _system_account()
    try:
        return Account(owner, pwd.getpwuid(owner).pw_gid)
    except KeyError as error:
        raise InvalidInput(
            f"The database folder {cluster} belongs to {_name(owner)}, who does not exist here.",
            code="data-dir-foreign",
            hint=f"Give it to the user it shall run as, for example: chown -R {SYSTEM_USER}:"
            f" {cluster}",
        ) from error


def _system_account() -> Account:
    try:
        found = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        found = _add_system_user()
    return Account(found.pw_uid, found.pw_gid)


def _add_system_user() -> pwd.struct_passwd:
    # Whether it worked is asked of the user database: another process may have been first.
    options = ("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent")
    reason = ""
    try:
        done = Account(0, 0).run("useradd", *options, "--shell", "/usr/sbin/nologin", SYSTEM_USER)
        reason = done.stderr.strip()
    except OSError as error:
        reason = str(error)
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError as error:
        raise InvalidInput(
            f"PostgreSQL does not run as root, and the system user {SYSTEM_USER} could not be"
            f" made: {reason}.",
            code="no-system-user",
            hint=f"Make a system user named {SYSTEM_USER}, or start the server as another user.",
        ) from error


def _name(uid: int | None) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}" if uid is not None else "nobody"
    except KeyError:
        return f"the user number {uid}"
