"""Machines that run a project each time anew, and what became of it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module, invalidate_caches
from pathlib import Path

from support import Service

from buildstate_core.errors import BuildStateError
from buildstate_flows import build
from buildstate_worker.settings import Settings

from .rows import Row

PROJECT = "trust"


@dataclass
class Trust:
    """A service, and machines that know nothing of each other."""

    service: Service
    folder: Path
    _machines: int = field(default=0)

    def environ(self, machine: str) -> dict[str, str]:
        folder = self.folder / machine
        return {
            "BLDST_API_URL": self.service.url,
            "BLDST_API_KEY": self.service.key,
            "BLDST_CONFIG_DIR": str(folder),
            "BLDST_DATA_DIR": str(folder),
            "BLDST_CACHE_DIR": str(folder / "cache"),
            "BLDST_STORAGE_URL": (self.folder / "storage").as_uri(),
            "BLDST_WORKER": machine,
        }

    def run(self, row: Row, files: Mapping[str, str]) -> str:
        """Run a project on a machine of its own; give why its milestone ran, or was not run."""
        self._machines += 1
        machine = f"machine-{self._machines}"
        folder = written(self.folder / machine / "project", files)
        before = self.attempts(row)
        settings = Settings.load(self.environ(machine))
        try:
            called(folder, row.what, settings)
        except BuildStateError as error:
            return error.code
        made = self.attempts(row)[len(before) :]
        return made[0] if made else "unchanged"

    def attempts(self, row: Row) -> list[str]:
        """Give why each attempt at the row's state was made, the oldest first."""
        builds = [each for each in self.service.client.list_builds() if each.key == row.what]
        history = self.service.client.history(builds[0].number) if builds else ()
        made = [each for each in history if each.state == row.state]
        return [each.reason or "" for each in sorted(made, key=lambda each: each.attempt)]


def called(folder: Path, key: str, settings: Settings) -> None:
    """Import a project's flow and call it, as if nothing of it was loaded before."""
    here, path = Path.cwd(), list(sys.path)
    environ = dict(os.environ)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    invalidate_caches()
    try:
        flow = import_module("flow")
        with build(PROJECT, key=key, settings=settings):
            flow.main()
    finally:
        os.chdir(here)
        sys.path[:] = path
        for name, module in list(sys.modules.items()):
            if str(getattr(module, "__file__", None) or "").startswith(f"{folder}/"):
                del sys.modules[name]
        os.environ.clear()
        os.environ.update(environ)


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


ELSEWHERE = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
os.umask(0o077)
from trust.projects import called
from buildstate_worker.settings import Settings
for number, key in enumerate(json.load(sys.stdin)):
    called(Path(sys.argv[2]) / str(number), key, Settings.load(os.environ))
"""


def run_elsewhere(trust: Trust, rows: list[Row]) -> None:
    """Run projects as they were in another process, folder, locale, umask and hash seed."""
    folder = trust.folder / "elsewhere" / "in another folder"
    for number, row in enumerate(rows):
        written(folder / str(number), row.project("1"))
    here = Path(__file__).parents[1]
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, here, folder],
        input=json.dumps([row.what for row in rows]),
        env={
            **os.environ,
            **trust.environ("elsewhere"),
            "PYTHONHASHSEED": "4711",
            "LC_ALL": "POSIX",
            "TZ": "Pacific/Auckland",
        },
        text=True,
        check=True,
        timeout=300,
    )
