"""Milestones that a task runner runs in processes of their own: the build is opened there, too."""

from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.usefixtures("prefect"),
    # Prefect's own client leaves connections to be closed by the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket"),
]

PIPELINE = """
from __future__ import annotations

import os
import sys
from pathlib import Path

from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.task_runners import ProcessPoolTaskRunner

from buildstate_flows import Handle, build, milestone


@milestone(state=10)
def base() -> Path:
    Path("base.raw").write_text("base")
    return Path("base.raw")


@milestone(state=30)
def prepare(image: Path) -> None:
    image.write_text(image.read_text() + " prepared")


@milestone(state=50, retries=1)
def localise(image: Path, region: str) -> dict[str, Path]:
    Path("tried-" + region).open("a").write("x")
    if region == "us" and Path("tried-us").stat().st_size == 1:
        raise RuntimeError("quota")
    made = Path(region + ".raw")
    made.write_text(image.read_text() + Path("word").read_text() + region)
    return {"disk": made}


@milestone(state=60, lane="{region}", kind="effect")
def register(images: dict[str, Path], region: str) -> Handle:
    return Handle("image", images["disk"].read_text(), made_by=os.getpid())


@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def run() -> None:
    with build("rhel-base", "9.6", platform="aws") as this:
        image = base()
        prepare(image)
        regions = ["eu", "us"]
        options = [{"lane": each, "sensitivity": "public"} for each in regions]
        images = [localise.with_options(**each).submit(image, each["lane"]) for each in options]
        handles = register.map(images, regions).result()
        assert images[0].result()["disk"].read_text() == "base prepared for eu"
        for handle in handles:
            print(handle.id, handle.attributes["made_by"] != os.getpid())


if __name__ == "__main__":
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        run()
"""


def test_milestones_in_other_processes_record_skip_and_restore_there(
    worker_a: Any, worker_b: Any, tmp_path: Path
) -> None:
    script = tmp_path / "pipeline.py"
    script.write_text(PIPELINE)
    for each in (worker_a, worker_b):
        (each.folder / "word").write_text(" for ")
    with worker_a.process(script) as process:
        told = process.communicate(timeout=240)[0]
    assert told.splitlines() == ["base prepared for eu True", "base prepared for us True"]
    story = [(each.state, each.lane, each.status) for each in worker_a.history()]
    # One process at a time: they share a folder, and lanes that write one file at once do not mix.
    assert story.count((30, "", "completed")) in {2, 3}
    assert sorted(each for each in story if each[0] != 30) == [
        (10, "", "completed"),
        (50, "eu", "completed"),
        (50, "us", "completed"),
        (50, "us", "failed"),
        (60, "eu", "completed"),
        (60, "us", "completed"),
    ]
    assert len({each.orchestrator.flow_run_id for each in worker_a.history()}) == 1
    done = [each for each in worker_a.history() if each.status == "completed"]
    assert {each.state for each in done if "discovered" in each.fingerprint} == {50}
    labels = {made.sensitivity for each in worker_a.history() for made in each.artifacts}
    assert labels == {"internal", "public"}

    with worker_b.process(script) as process:
        assert process.communicate(timeout=240)[0] == told
    assert len(worker_b.history()) == len(story)
    left = [each for each in worker_b.folder.iterdir() if each.name.startswith("bldst-")]
    assert left == []
