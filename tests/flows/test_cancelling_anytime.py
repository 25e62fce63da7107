"""Flows and commands that are ended at random moments, in random ways: fifty of them, by seed."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import until
from support.cancelling import FAMILY, LANES, MEMBERS, PIPELINE, is_free, kill, left

from buildstate_core.models import BuildCreate

pytestmark = [
    pytest.mark.usefixtures("prefect"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket"),
]

COMMAND = "bldst run"
LATEST_SECONDS = 0.5
ENDINGS = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT)
ALWAYS = 4
ALL = 50


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All of them for whoever asks for endurance, and a few for everybody else."""
    if "endurance" in metafunc.config.option.markexpr:
        seeds = [pytest.param(each, marks=pytest.mark.endurance) for each in range(ALL)]
    else:
        seeds = [pytest.param(each) for each in range(ALWAYS)]
    metafunc.parametrize("seed", seeds)


@pytest.fixture
def worker(make_worker: Callable[..., Any]) -> Iterator[Any]:
    worker = make_worker("worker-a", BLDST_LEASE_SECONDS="6")
    yield worker
    for lane in ("a", "b"):
        kill(left(worker.folder, lane))


def start(worker: Any, how: str, build: int, tmp_path: Path) -> "subprocess.Popen[str]":
    if how != COMMAND:
        script = tmp_path / "pipeline.py"
        script.write_text(PIPELINE)
        made: subprocess.Popen[str] = worker.process(script, how)
        return made
    family = ["env", f"FAMILY={worker.folder / 'a'}", "sh", "-c", FAMILY]
    flags = ["--state", "20", "--lane", "a", "--grace", "1", "--lease", "6"]
    return subprocess.Popen(
        [Path(sys.executable).parent / "bldst", "run", str(build), *flags, "--", *family],
        cwd=worker.folder,
        env={"PATH": "/usr/bin:/bin", **worker.environ},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_nobody_begins_beside_what_was_started(worker: Any, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    how = chance.choice([COMMAND, *LANES])
    lanes = LANES.get(how, ("a",))
    number, lane = chance.choice(ENDINGS), chance.choice(lanes)
    moment = chance.choice(["claimed", *MEMBERS])
    seconds = chance.uniform(0, LATEST_SECONDS)
    case = f"seed {seed}: {how}, {number.name} {seconds:.3f} s after {moment} in lane {lane}"
    print(case)  # noqa: T201 - shown when it fails
    request = BuildCreate(project="rhel-base", version="9.6", platform="aws")
    request = request.model_copy(update={"key": request.derived_key})
    build = worker.service.client.create_build(request).number

    def has_come() -> bool:
        if moment == "claimed":
            return any(each.lane == lane for each in worker.history())
        return (worker.folder / f"{lane}-{moment}").exists()

    with start(worker, how, build, tmp_path) as process:
        until(has_come, seconds=120)
        time.sleep(seconds)  # not for luck: any moment will do
        process.send_signal(number)
        for each in lanes:
            until(lambda each=each: is_free(worker.service, build, each), seconds=60)
            assert left(worker.folder, each) == []
        process.wait(60)
    assert [left(worker.folder, each) for each in lanes] == [[]] * len(lanes)
