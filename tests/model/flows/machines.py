"""Machines that make passes over a flow, in processes of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from support import Service
from support.checkout import bring

from buildstate_core.models import Attempt

PROJECT: Final = "flows"


@dataclass(frozen=True)
class Passed:
    """What came of a pass.

    Attributes:
        code: How its process ended.
        said: The image that it delivers, or what it ended with.
    """

    code: int
    said: str


@dataclass
class Passes:
    """A process that makes passes, and the service that all of them speak to.

    Attributes:
        broken: What is broken in all of them.
    """

    service: Service
    folder: Path
    process: "subprocess.Popen[str]"
    broken: str | None = None
    numbers: Iterator[int] = field(default_factory=count)

    def make(
        self, machine: Path, files: Mapping[str, str], key: str, environ: Mapping[str, str]
    ) -> Passed:
        """Make a pass over a project on a machine."""
        bring(machine / "project", files)
        result = machine / "result"
        result.unlink(missing_ok=True)
        order = {
            "project": PROJECT,
            "key": key,
            "folder": str(machine / "project"),
            "result": str(result),
            "broken": self.broken,
            "environ": {**self._environ(machine), **environ},
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps(order)}\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return Passed(code, result.read_text(encoding="utf-8") if result.exists() else "")

    def attempts(self, key: str) -> list[Attempt]:
        """Return all attempts at a build, the oldest first."""
        build = next(self.service.client.list_builds(key=key))
        return list(self.service.client.history(build.number))

    def _environ(self, machine: Path) -> Mapping[str, str]:
        return {
            "BLDST_API_URL": self.service.url,
            "BLDST_API_KEY": self.service.key,
            "BLDST_CONFIG_DIR": str(machine),
            "BLDST_DATA_DIR": str(machine),
            "BLDST_CACHE_DIR": str(machine / "cache"),
            "BLDST_STORAGE_URL": (self.folder / "storage").as_uri(),
            "BLDST_WORKER": machine.name,
        }


@contextmanager
def passes(service: Service, folder: Path) -> Iterator[Passes]:
    """Start a process that makes passes, and end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "model.flows.process"],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            # Two versions of a module may be written within one second.
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Passes(service, folder, process)
