"""Milestones that return values: what they did to an image is not in the value."""

from pathlib import Path
from typing import Any

import pytest

from buildstate_flows import milestone


def written(name: str, content: str) -> Path:
    Path(name).write_text(content)
    return Path(name)


@pytest.fixture
def pipeline(ran: Any) -> Any:
    """An image that 30 changes in place, of which it returns only a few words."""

    class Pipeline:
        fails = True

        @staticmethod
        def run(worker: Any) -> str:
            with worker.build():
                image = base()
                return seal(image, harden(image)).read_text()

    @milestone(state=10)
    def base() -> Path:
        ran(10)
        return written("image.raw", "base")

    @milestone(state=30)
    def harden(image: Path) -> dict[str, int]:
        ran(30)
        image.write_text(image.read_text() + " hardened")
        return {"rules": 42}

    @milestone(state=50)
    def seal(image: Path, report: dict[str, int]) -> Path:
        ran(50)
        if Pipeline.fails:
            raise RuntimeError("no")
        return written("sealed.raw", f"{image.read_text()} with {report['rules']} rules")

    return Pipeline


def test_on_another_machine_the_change_is_made_again(
    pipeline: Any, worker_a: Any, worker_b: Any, ran: Any
) -> None:
    with pytest.raises(RuntimeError):
        pipeline.run(worker_a)
    assert ran.since() == [10, 30, 50]
    pipeline.fails = False
    assert pipeline.run(worker_b) == "base hardened with 42 rules"
    assert ran.since() == [30, 50]


def test_once_a_later_image_includes_it_the_value_alone_is_given_back(
    pipeline: Any, worker_a: Any, worker_b: Any, ran: Any
) -> None:
    pipeline.fails = False
    assert pipeline.run(worker_a) == "base hardened with 42 rules"
    ran.since()
    assert pipeline.run(worker_b) == "base hardened with 42 rules"
    assert ran.since() == []


def test_a_value_of_what_changes_no_machine_is_given_back_anywhere(
    worker_a: Any, worker_b: Any, ran: Any
) -> None:
    @milestone(state=30, kind="gate")
    def scan() -> dict[str, int]:
        ran(30)
        return {"findings": 0}

    for worker in (worker_a, worker_b):
        with worker.build():
            assert scan() == {"findings": 0}
    assert ran.since() == [30]
