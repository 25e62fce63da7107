"""The demo: worker A is killed in the middle of state 50, and worker B goes on from state 25."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from buildstate_cli.demo.environment import DemoEnvironment
from buildstate_cli.options import Format
from buildstate_cli.output import formats
from buildstate_cli.output.page import Block, Fields, Page, Table
from buildstate_cli.output.show import emit, show, show_page
from buildstate_cli.plan import view as plans
from buildstate_cli.session import Session
from buildstate_cli.signals import ENDING, signals_raised
from buildstate_cli.waiting import comes_true
from buildstate_core.errors import BuildStateError
from buildstate_core.models import Attempt, BuildCreate, CatalogState, ProjectCreate

if TYPE_CHECKING:
    from pydantic import JsonValue

_PROJECT: Final = "demo"
_KEY: Final = "demo/9.6"
_LOST_FROM: Final = "application: begins"
_KILL_AT: Final = "layer 3 of 6"
_LOST_SECONDS: Final = 60.0
_STATES: Final = (
    (10, "Base bootable image"),
    (25, "Security baseline"),
    (50, "Application runtimes"),
    (70, "Integration tests"),
    (100, "Published and delivered"),
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the demo measured.

    Attributes:
        skipped: The states that worker B did not run again.
        artifacts_pulled: How many artifacts worker B downloaded and verified.
        downloaded_bytes: How large they were together.
        done_twice_seconds: Work of worker A on state 50 that was lost when it was killed.
        saved_seconds: What the skipped states took worker A: time that starting over would cost.
        restarted_seconds: From the start of worker B to the end of the build.
    """

    skipped: tuple[int, ...]
    artifacts_pulled: int
    downloaded_bytes: int
    done_twice_seconds: float
    saved_seconds: float
    restarted_seconds: float


def run(session: Session, output: Format, *, keep: bool) -> None:
    """Tell the story, and print what was measured.

    A signal ends everything that was started, and removes the folder.

    Raises:
        BuildStateError: It did not go as it should.
    """
    with signals_raised(ENDING):
        _run(session, output, keep=keep)


def _run(session: Session, output: Format, *, keep: bool) -> None:
    narrator = _Narrator(is_silent=output is not Format.TABLE)
    narrator.heading("Setting the stage: an embedded PostgreSQL, the service and a Prefect server")
    with DemoEnvironment.set_up(session.environ, keep=keep) as environment:
        outcome = _Story(environment, narrator).play()
        folder = environment.folder
    narrator.heading("Measured in this run")
    if keep:
        narrator.line(f"Everything is in {folder}")
    measured: dict[str, JsonValue] = {**asdict(outcome), "skipped": list(outcome.skipped)}
    show(measured, output, lambda _: _page(outcome))


class _Narrator:
    """Writes the story on stdout as it happens, unless only its outcome is wanted."""

    def __init__(self, *, is_silent: bool) -> None:
        self._is_silent = is_silent
        self._start = time.monotonic()

    def heading(self, text: str) -> None:
        self.line(f"\n── {text} ({time.monotonic() - self._start:.0f} s)")

    def line(self, text: str) -> None:
        if not self._is_silent:
            emit(f"{text}\n")

    def page(self, blocks: Sequence[Block]) -> None:
        if not self._is_silent:
            show_page(blocks)


class _Story:
    """Two workers and one build."""

    def __init__(self, environment: DemoEnvironment, narrator: _Narrator) -> None:
        self._environment = environment
        self._client = environment.client
        self._narrator = narrator

    def play(self) -> Outcome:
        self._client.create_project(
            ProjectCreate(
                name=_PROJECT,
                states=tuple(CatalogState(code=code, name=name) for code, name in _STATES),
            )
        )
        self._narrator.heading("Worker A builds an image: 10, 25, 50, 70, 100")
        lost_seconds = self._first()
        build = self._client.create_build(BuildCreate(project=_PROJECT, key=_KEY))
        self._await_loss(build.number)
        self._narrator.heading("The plan for whoever goes on")
        self._narrator.page(plans.one(self._client.plan(build.number)))
        self._narrator.heading("Worker B goes on: another process, with an empty folder and cache")
        start = time.monotonic()
        moved = self._second()
        seconds = time.monotonic() - start
        history = list(self._client.history(build.number))
        self._narrator.heading("Every attempt, by both")
        self._narrator.page([_attempts(history)])
        return _outcome(history, moved, lost_seconds, seconds)

    def _first(self) -> float:
        """Run worker A until it is killed, and return the seconds of work that are lost with it."""
        begun = time.monotonic()
        with self._environment.worker("A", _PROJECT, _KEY) as process:
            for line in self._lines("A", process):
                if line == _LOST_FROM:
                    begun = time.monotonic()
                if _KILL_AT in line:
                    os.killpg(process.pid, signal.SIGKILL)
                    break
            else:
                raise self._failed("A", process)
        lost_seconds = time.monotonic() - begun
        self._narrator.line("A │ ✘ killed with SIGKILL, in the middle of state 50")
        return lost_seconds

    def _await_loss(self, build: int) -> None:
        """Wait until the lease of the killed worker has run out, as the service sees it."""
        self._narrator.line("    (its lease runs out, and the service takes state 50 for lost)")
        if not comes_true(
            lambda: not self._client.get_build(build).active, within_seconds=_LOST_SECONDS
        ):
            raise BuildStateError("The service does not notice that worker A is dead.")

    def _second(self) -> list[int]:
        with self._environment.worker("B", _PROJECT, _KEY) as process:
            moved: list[int] | None = None
            for line in self._lines("B", process):
                if line.startswith("{"):
                    moved = json.loads(line)["downloads"]
            if process.wait() != 0 or moved is None:
                raise self._failed("B", process)
        return moved

    def _lines(self, name: str, process: subprocess.Popen[str]) -> Iterator[str]:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        for raw in process.stdout:
            line = raw.rstrip()
            if not line.startswith("{"):
                self._narrator.line(f"{name} │ {line}")
            yield line

    def _failed(self, name: str, process: subprocess.Popen[str]) -> BuildStateError:
        log = (self._environment.folder / f"worker-{name}.log").read_text(errors="replace")
        said = log.strip().splitlines()
        return BuildStateError(
            f"Worker {name} ended with {process.poll()}: {said[-1] if said else 'it said nothing'}",
            code="demo-failed",
            hint="Run it again with --keep and look at its log there.",
        )


def _attempts(history: Sequence[Attempt]) -> Table:
    rows = [
        (
            formats.state(each.state, each.state_name),
            str(each.attempt),
            each.status,
            each.worker or "",
            each.reason or "",
        )
        for each in history
    ]
    return Table(columns=("STATE", "ATTEMPT", "STATUS", "WORKER", "WHY IT RAN"), rows=rows)


def _outcome(
    history: Sequence[Attempt], downloads: Sequence[int], lost_seconds: float, seconds: float
) -> Outcome:
    by_b = {each.state for each in history if each.worker == "worker B"}
    skipped = [each for each in history if each.state not in by_b]
    return Outcome(
        skipped=tuple(each.state for each in skipped),
        artifacts_pulled=len(downloads),
        downloaded_bytes=sum(downloads),
        done_twice_seconds=round(lost_seconds, 1),
        saved_seconds=round(sum(_seconds(each) for each in skipped), 1),
        restarted_seconds=round(seconds, 1),
    )


def _seconds(attempt: Attempt) -> float:
    return attempt.duration_seconds or 0.0


def _page(outcome: Outcome) -> Page:
    states = ", ".join(str(state) for state in outcome.skipped)
    downloaded = formats.size(outcome.downloaded_bytes)
    return [
        Fields(
            [
                ("skipped by worker B", f"states {states}"),
                (
                    "pulled and verified",
                    f"{outcome.artifacts_pulled} artifact, {downloaded}",
                ),
                ("work done twice", f"{outcome.done_twice_seconds:.1f} s of state 50"),
                ("saved against starting over", f"{outcome.saved_seconds:.1f} s"),
                ("worker B, start to end", f"{outcome.restarted_seconds:.1f} s"),
            ]
        )
    ]
