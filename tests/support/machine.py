"""Machines that share nothing but the service and a storage, and on which `bldst` runs."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.waiting import until

Story = Callable[[], list[tuple[int, str, str | None]]]
"""Tell every attempt so far: its state, how it went, and why it was made."""

_BIN = Path(sys.executable).parent
_SECONDS = 90


@dataclass(frozen=True)
class Ended:
    """How a program ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@dataclass
class Started:
    """A program in a process group of its own, as a terminal or a CI job would start it."""

    process: "subprocess.Popen[bytes]"

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program, and to nothing that it started."""
        self.process.send_signal(number)

    def send_all(self, number: signal.Signals) -> None:
        """Send a signal to the program and to everything that it started."""
        os.killpg(self.process.pid, number)

    def kill_all(self) -> None:
        """End all of it as a power cut would."""
        self.send_all(signal.SIGKILL)
        self.process.communicate()

    def end(self, *, seconds: float = _SECONDS) -> Ended:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=seconds)
        return Ended(self.process.returncode, out.decode(), err.decode())

    def clean_up(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@dataclass
class Machine:
    """A worker: a working directory, a cache and an environment of its own."""

    folder: Path
    environ: dict[str, str]
    started: list[Started] = field(default_factory=list)

    def bldst(self, *arguments: str | bytes, stdin: bytes = b"", **environ: str) -> Ended:
        """Run `bldst` here and wait for its end."""
        return self.run([_BIN / "bldst", *arguments], stdin=stdin, **environ)

    def start(self, *arguments: str, **environ: str) -> Started:
        """Start `bldst` here."""
        return self._start([_BIN / "bldst", *arguments], environ, cwd=self.folder)

    def script(self, text: str, **environ: str) -> Ended:
        """Run a shell script here and wait for its end."""
        return self.run(["sh", "-euc", text], **environ)

    def start_script(self, text: str, **environ: str) -> Started:
        """Start a shell script here."""
        return self._start(["sh", "-euc", text], environ, cwd=self.folder)

    def run(self, command: list[Any], *, stdin: bytes = b"", **environ: str) -> Ended:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            check=False,
            cwd=self.folder,
            env={**self.environ, **environ},
            timeout=_SECONDS,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def read(self, name: str) -> str:
        return (self.folder / name).read_text()

    def write(self, name: str, content: str = "") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    def await_file(self, name: str) -> None:
        """Wait until a command here has made this file: it signals that it is at work."""
        until(lambda: self.has(name))

    def _start(self, command: list[Any], environ: Mapping[str, str], *, cwd: Path) -> Started:
        started = Started(
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env={**self.environ, **environ},
                start_new_session=True,
            )
        )
        self.started.append(started)
        return started


@contextlib.contextmanager
def machines(folder: Path, common: Mapping[str, str]) -> Iterator[Any]:
    """Give a function that makes machines; what they started ends with the block."""
    made: list[Machine] = []

    def make(name: str, **environ: str) -> Machine:
        home = folder / name
        (home / "work").mkdir(parents=True)
        machine = Machine(
            home / "work",
            {
                "PATH": f"{_BIN}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(home),
                "BLDST_CONFIG_DIR": str(home / "config"),
                "BLDST_DATA_DIR": str(home / "data"),
                "BLDST_CACHE_DIR": str(home / "cache"),
                "BLDST_WORKER": name,
                **common,
                **environ,
            },
        )
        made.append(machine)
        return machine

    try:
        yield make
    finally:
        for started in (each for machine in made for each in machine.started):
            started.clean_up()
