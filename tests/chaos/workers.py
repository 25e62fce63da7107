"""A worker: it makes pass after pass of the script, as CI retries a job."""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .pipelines import Pipeline, inputs, script
from .processes import MARK, marked, send, shown

CLEANED_SECONDS: Final = 15.0
"""Within this the guard has ended what a killed runner has left: it asks for 10 seconds first."""
CALM_PASSES: Final = 10
"""Within so many passes a worker comes to the script's end, once nothing goes wrong any more."""
_UNGUARDED_SECONDS: Final = 0.6
"""For so long a command goes on whose runner and guard are gone; then its machine is cleaned."""


@dataclass
class Pass:
    """One run of the script.

    Attributes:
        generation: The round, which is which pipeline.
        code: The script's exit code, once it has ended.
        lost: Whether its guard was killed, so that nobody ends its command.
        is_slowed: Whether something of it was frozen, so that its end may take long.
        is_gone: Whether nothing of it is left, as was seen.
        is_left: Whether its script is gone, and its runner frozen for longer than its lease.
    """

    number: int
    generation: int
    mark: str
    folder: Path
    process: "subprocess.Popen[bytes]"
    code: int | None = None
    lost: bool = False
    is_slowed: bool = False
    is_gone: bool = False
    is_left: bool = False

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def told(self) -> Path:
        return self.folder / "told"

    def said(self) -> str:
        return (self.folder / "said").read_text(errors="replace")


@dataclass
class Worker:
    """A worker with a workspace of its own.

    Attributes:
        name: As the service knows it.
        home: Its folder.
        environ: The environment of its passes.
        tell: Takes what is worth telling afterwards.
        fails_next: The milestone at which the next pass fails by itself.
        is_replaced: Whether the next pass begins on an empty machine.
        is_hasty: Whether it tries again at once, although a killed pass may not have ended yet.
        passes_left: How many passes it may still make.
        wrongs: What it has seen that must not be.
    """

    name: str
    home: Path
    environ: Mapping[str, str]
    tell: Callable[[str], None]
    passes: list[Pass] = field(default_factory=list)
    fails_next: str = ""
    is_replaced: bool = False
    is_hasty: bool = False
    passes_left: int = 1000
    wrongs: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.workspace.mkdir(parents=True)

    @property
    def workspace(self) -> Path:
        return self.home / "work"

    @property
    def current(self) -> Pass | None:
        """The pass that is under way."""
        with self._lock:
            last = self.passes[-1] if self.passes else None
        return last if last is not None and last.code is None else None

    def work(
        self,
        pipeline: Pipeline,
        generation: int,
        *,
        is_whole: bool,
        stops: Callable[[], bool],
    ) -> None:
        """Make passes until one of the whole pipeline ended well, or it is to stop."""
        text = script(pipeline, is_whole=is_whole)
        while not stops() and self.passes_left > 0:
            self._await_the_last()
            if stops():
                return
            self.passes_left -= 1
            made = self._begin(text, pipeline, generation)
            code = made.process.wait()
            with self._lock:
                made.code = code
            self.tell(f"{self.name} pass {made.number}: exit code {code}")
            if code == 0 and is_whole:
                return

    def _await_the_last(self) -> None:
        last = self.passes[-1] if self.passes else None
        is_reliable = last is not None and not last.lost and not last.is_slowed
        if not (self.is_hasty and is_reliable and not self.is_replaced):
            self.clean_up()

    def clean_up(self) -> None:
        """Wait until nothing of the passes before is left, as whoever reuses a machine has to."""
        for each in self.passes:
            if not each.is_gone:
                self._clean_up(each)

    def _clean_up(self, made: Pass) -> None:
        deadline = time.monotonic() + CLEANED_SECONDS
        killed_at = time.monotonic() + _UNGUARDED_SECONDS
        while left := marked(f"{made.mark}/"):
            if made.lost and time.monotonic() > killed_at:
                _kill(left)
            elif time.monotonic() > deadline:
                what = [shown(pid) for pid in left]
                self.wrongs.append(f"{self.name} pass {made.number} has left {what}")
                _kill(left)
            time.sleep(0.02)
        made.is_gone = True

    def bldst(self, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `bldst` as this worker, somewhere else."""
        return subprocess.run(
            ["bldst", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env={**self.environ, "BLDST_CACHE_DIR": str(folder / "cache")},
            timeout=60,
        )

    def _begin(self, text: str, pipeline: Pipeline, generation: int) -> Pass:
        if self.is_replaced:
            self.is_replaced = False
            shutil.rmtree(self.workspace)
            self.workspace.mkdir()
        folder = self.workspace / "in"
        folder.mkdir(exist_ok=True)
        for name, content in inputs(pipeline).items():
            (folder / name).write_text(content)
        number = len(self.passes) + 1
        log = self.home / f"pass-{number}"
        (log / "told").mkdir(parents=True)
        mark = f"{self._mark_prefix}{number}"
        environ = {
            **self.environ,
            MARK: f"{mark}/",
            "TOLD": str(log / "told"),
            "GENERATION": f"{generation}",
            "WORKER": self.name,
            "FAILS": self.fails_next,
        }
        self.fails_next = ""
        with (log / "said").open("wb") as said:
            process = subprocess.Popen(
                ["sh", "-euc", text],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=self.workspace,
                env=environ,
                start_new_session=True,
            )
        made = Pass(number, generation, mark, log, process)
        with self._lock:
            self.passes.append(made)
        return made

    @property
    def _mark_prefix(self) -> str:
        return f"{self.environ['HISTORY']}/{self.name}/"


def _kill(pids: Mapping[int, int]) -> None:
    for pid in pids:
        send(pid, signal.SIGCONT)
        send(pid, signal.SIGKILL)


def common_environ(home: Path, tools: Path) -> dict[str, str]:
    """Give what every worker's environment begins with."""
    return {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "BLDST_CONFIG_DIR": str(home / "config"),
        "BLDST_DATA_DIR": str(home / "data"),
        "BLDST_CACHE_DIR": str(home / "cache"),
    }
