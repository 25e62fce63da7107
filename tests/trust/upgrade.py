"""A build as the release before recorded it, and the pipeline that it is of.

`recorded_by_0_1.json` is what the recorder of 0.1 made of this pipeline. It is frozen with that.
"""

import json
from pathlib import Path
from typing import Any, Final

from buildstate_core.models import ClaimRequest
from buildstate_flows import build
from buildstate_flows.engine.results.recorded import outputs_of
from buildstate_worker import attempt
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.attempt import Claimed, Worker
from buildstate_worker.client import Client
from buildstate_worker.settings import Settings
from buildstate_worker.storage_options import StorageOptions

from .projects import PROJECT

RECORDED: Final = Path(__file__).parent / "recorded_by_0_1.json"

PIPELINE: Final = """
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path

from buildstate_flows import milestone, workdir


class Level(Enum):
    HIGH = "high"


@dataclass
class Disk:
    size: Decimal
    path: Path


def write(content):
    path = workdir() / "image.raw"
    path.write_text(content)
    return path


@milestone(state=10)
def base(version: str, sizes: dict) -> Path:
    return write(f"base {version}")


@milestone(state=20)
def harden(image: Path, level: Level, disk: Disk, names: set) -> None:
    image.write_text(f"{image.read_text()} hardened")


@milestone(state=25, inputs=["play.yml"])
def baseline(image: Path, since: date, tags: tuple) -> Path:
    return write(f"{image.read_text()} baseline")


@milestone(state=60, lane="{region}")
def localise(image: Path, region: str) -> Path:
    return write(f"{image.read_text()} {region}")


def main():
    image = base("9.6", {"a": 1, "b": [2.5, None]})
    harden(image, Level.HIGH, Disk(Decimal("1.5"), Path("a/b")), {"x", "y"})
    done = baseline(image, date(2026, 1, 2), ("a", "b"))
    localise(done, "eu")
"""

FILES: Final = {"pyproject.toml": "", "flow.py": PIPELINE, "play.yml": "hosts: all\n"}


def record_as_before(key: str, settings: Settings, folder: Path) -> None:
    """Record a build as the release before did: the same claims, with its digests."""
    with build(PROJECT, key=key, settings=settings) as this:
        client = Client(settings.api_url, settings.api_key)
        worker = Worker(client, Artifacts.of_worker(client, settings), settings.worker)
        held: tuple[str, ...] = ()
        for each in json.loads(RECORDED.read_text()):
            done = _record(worker, this.number, each, folder, held)
            if not done.artifacts:
                assert done.step_digest is not None
                held = (*held, done.step_digest)
        client.close()


def _record(
    worker: Worker, number: int, each: dict[str, Any], folder: Path, held: tuple[str, ...]
) -> Any:
    def request() -> ClaimRequest:
        return ClaimRequest(
            state=each["state"],
            lane=each["lane"],
            worker=worker.name,
            fingerprint=each["fingerprint"],
            consumes=each["consumes"],
            machine=held,
        )

    asked = attempt.ask(worker, number, request)
    assert isinstance(asked, Claimed)
    with asked:
        image = folder / f"{each['state']}.raw"
        image.write_text(each["content"] or "")
        made = outputs_of(image if each["content"] else None, "image", StorageOptions())
        return attempt.record(attempt.upload(asked, made))
