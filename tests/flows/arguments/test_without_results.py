"""Milestones that take no result of another one: they stand on the checkpoint before them."""

from pathlib import Path
from typing import Any

import pytest

from buildstate_flows import Handle, milestone
from buildstate_flows.engine.milestone_call import MilestoneCall


def written(name: str, text: str) -> Path:
    Path(name).write_text(text)
    return Path(name)


@milestone(state=10)
def base(release: str) -> Path:
    return written("base.raw", release)


@milestone(state=20)
def prepare(ran: Any) -> None:
    ran(20)


@milestone(state=40)
def image(ran: Any) -> Path:
    ran(40)
    return written("image.raw", "image")


@milestone(state=60, kind="effect")
def publish(ran: Any) -> Handle:
    ran(60)
    return Handle("image", "a")


@milestone(state=50, kind="gate")
def judge(ran: Any) -> dict[str, bool]:
    ran(50)
    return {"is_good": True}


def run(release: str, ran: Any) -> None:
    base(release)
    prepare(ran)
    image(ran)
    publish(ran)


def test_it_runs_again_when_that_is_another_one(worker_a: Any, ran: Any) -> None:
    for release in ("9.6", "9.6", "9.7"):
        with worker_a.build():
            run(release, ran)
    assert ran.since() == [20, 40, 60, 20, 40]
    assert worker_a.story()[-1] == (40, "completed", "upstream_changed:10")


def test_a_gate_judges_that(worker_a: Any, ran: Any) -> None:
    for release in ("9.6", "9.6", "9.7"):
        with worker_a.build():
            base(release)
            judge(ran)
    assert ran.since() == [50, 50]


def test_what_the_last_release_recorded_is_not_made_again(
    worker_a: Any, ran: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_request = MilestoneCall.to_request

    def as_before(self: MilestoneCall, *args: Any, **options: Any) -> Any:
        request = to_request(self, *args, **options)
        return request.model_copy(update={"consumes": request.consumes or ()})

    with monkeypatch.context() as then, worker_a.build():
        then.setattr(MilestoneCall, "to_request", as_before)
        run("9.6", ran)
    assert ran.since() == [20, 40, 60]
    with worker_a.build():
        run("9.6", ran)
    assert ran.since() == []


def test_a_milestone_of_results_stands_on_those_alone(worker_a: Any, ran: Any) -> None:
    @milestone(state=50)
    def whole(first: Path, ran: Any) -> Path:
        ran(50)
        return written("whole.raw", first.read_text())

    @milestone(state=40)
    def other(text: str) -> Path:
        return written("other.raw", text)

    for text in ("a", "b"):
        with worker_a.build():
            first = base("9.6")
            other(text)
            whole(first, ran)
    assert ran.since() == [50]


def test_a_result_that_is_ignored_is_none(worker_a: Any, ran: Any) -> None:
    @milestone(state=50, ignore=["first"])
    def whole(first: Path, ran: Any) -> Path:
        ran(50)
        return written("whole.raw", first.read_text())

    with worker_a.build():
        first = base("9.6")
        image(ran)
        whole(first, ran)
    recorded = worker_a.history()[-1].fingerprint
    assert {"upstream:10", "upstream:40"} & set(recorded) == {"upstream:40"}


def test_what_nobody_recorded_and_what_was_made_of_it_are_none(worker_a: Any, ran: Any) -> None:
    kept: list[Any] = []

    @milestone(state=50, kind="effect")
    def register(source: Handle, ran: Any) -> Handle:
        ran(50)
        return Handle("image", f"{source.id}-{len(kept)}")

    for _ in range(2):
        with worker_a.build():
            image(ran)
            kept.append(register(Handle("ami", "ami-0"), ran))
    assert ran.since() == [40, 50]
    assert "upstream:40" in worker_a.history()[-1].fingerprint
