"""What a milestone reads without having declared it, and what a rerun makes of that."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buildstate_flows import milestone


@pytest.fixture
def pipeline(ran: Any) -> Callable[..., Any]:
    """Give a milestone that leaves what `read` returns, with options of its own."""

    def make(read: Callable[[], str], **options: Any) -> Any:
        @milestone(state=25, version="1", **options)
        def configured() -> Path:
            ran(25)
            image = Path("image.raw")
            image.write_text(read())
            return image

        return configured

    return make


@pytest.fixture
def rerun(ran: Any) -> Callable[..., tuple[list[int], str | None]]:
    """Run a pipeline on a worker; give what was called, and why the newest attempt was made."""

    def rerun(worker: Any, *milestones: Any) -> tuple[list[int], str | None]:
        with worker.build():
            for each in milestones:
                each()
        return ran.since(), worker.history()[-1].reason

    return rerun


def hosts() -> str:
    return Path("hosts").read_text()


def give(text: str, *workers: Any, name: str = "hosts") -> None:
    """Write a file of the project, as each worker has it."""
    for each in workers:
        path = each.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_a_file_that_was_read_and_has_changed_is_why_it_runs_again(
    worker_a: Any, pipeline: Any, rerun: Any
) -> None:
    configured = pipeline(hosts)
    give("a", worker_a)
    assert rerun(worker_a, configured) == ([25], "never_completed")
    give("b", worker_a)
    assert rerun(worker_a, configured) == ([25], "read_changed:hosts")
    assert rerun(worker_a, configured)[0] == []


def test_a_file_that_nobody_touched_is_skipped_on_another_worker_in_another_folder(
    worker_a: Any, worker_b: Any, pipeline: Any, rerun: Any
) -> None:
    configured = pipeline(hosts)
    give("a", worker_a, worker_b)
    rerun(worker_a, configured)
    assert rerun(worker_b, configured)[0] == []
    give("b", worker_b)
    assert rerun(worker_b, configured) == ([25], "read_changed:hosts")
