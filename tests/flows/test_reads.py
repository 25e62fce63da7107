"""What a milestone reads without having declared it, and what a rerun makes of that."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_flows import current_build, milestone
from buildstate_worker.reads.hook import pass_a_tick


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
    assert rerun(worker_a, configured) == ([25], "discovered_changed:hosts")
    assert rerun(worker_a, configured)[0] == []


def test_a_file_that_nobody_touched_is_skipped_on_another_worker_in_another_folder(
    worker_a: Any, worker_b: Any, pipeline: Any, rerun: Any
) -> None:
    configured = pipeline(hosts)
    give("a", worker_a, worker_b)
    rerun(worker_a, configured)
    assert rerun(worker_b, configured)[0] == []
    give("b", worker_b)
    assert rerun(worker_b, configured) == ([25], "discovered_changed:hosts")


def test_what_was_not_there_and_has_appeared_is_why_it_runs_again(
    worker_a: Any, pipeline: Any, rerun: Any
) -> None:
    def optional() -> str:
        with suppress(FileNotFoundError):
            return hosts()
        return "none"

    configured = pipeline(optional)
    rerun(worker_a, configured)
    assert rerun(worker_a, configured)[0] == []
    give("a", worker_a)
    assert rerun(worker_a, configured) == ([25], "discovered_changed:hosts")


def test_a_folder_that_was_listed_and_has_grown_is_why_it_runs_again(
    worker_a: Any, worker_b: Any, pipeline: Any, rerun: Any
) -> None:
    configured = pipeline(lambda: " ".join(each.name for each in Path("conf").iterdir()))
    give("a", worker_a, worker_b, name="conf/one")
    rerun(worker_a, configured)
    assert rerun(worker_b, configured)[0] == []
    give("a", worker_b, name="conf/two")
    assert rerun(worker_b, configured) == ([25], "discovered_changed:conf")


def test_the_working_directory_may_be_listed_though_the_milestone_leaves_its_image_there(
    worker_a: Any, worker_b: Any, pipeline: Any, rerun: Any
) -> None:
    configured = pipeline(lambda: " ".join(sorted(each.name for each in Path().iterdir())))
    give("a", worker_a, worker_b)
    rerun(worker_a, configured)
    assert rerun(worker_a, configured)[0] == []
    assert rerun(worker_b, configured)[0] == []


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"ignore_reads": ["host*"]}, id="ignored"),
        pytest.param({"discover": False}, id="not looked at"),
        pytest.param({"inputs": ["other"]}, id="and another one is declared"),
    ],
)
def test_a_change_counts_unless_the_milestone_says_otherwise(
    worker_a: Any, pipeline: Any, rerun: Any, options: dict[str, Any]
) -> None:
    give("a", worker_a)
    give("a", worker_a, name="other")
    plain = pipeline(hosts)
    configured = plain.with_options(**options)
    kept = configured.with_options(retries=1)
    rerun(worker_a, kept)
    give("b", worker_a)
    assert rerun(worker_a, kept)[0] == ([25] if "inputs" in options else [])


def test_what_was_recorded_counts_no_longer_once_it_is_to_be_ignored(
    worker_a: Any, pipeline: Any, rerun: Any
) -> None:
    configured = pipeline(hosts)
    give("a", worker_a)
    rerun(worker_a, configured)
    give("b", worker_a)
    assert rerun(worker_a, configured.with_options(ignore_reads=["hosts"]))[0] == []
    assert rerun(worker_a, configured.with_options(discover=False))[0] == []


def test_what_it_wrote_before_it_read_it_is_none(
    worker_a: Any, worker_b: Any, pipeline: Any, rerun: Any
) -> None:
    def written() -> str:
        Path("scratch").write_text("a")
        return Path("scratch").read_text()

    configured = pipeline(written)
    rerun(worker_a, configured)
    give("b", worker_a, worker_b, name="scratch")
    assert rerun(worker_a, configured)[0] == []
    assert rerun(worker_b, configured)[0] == []


def test_the_content_of_a_path_that_it_is_called_with_counts(
    worker_a: Any, worker_b: Any, ran: Any, rerun: Any
) -> None:
    @milestone(state=25)
    def configured(hosts: Path, out: Path) -> Path:  # noqa: ARG001 - it is only named
        ran(25)
        out.write_text("a")
        return out

    def called() -> None:
        configured(Path("hosts"), Path("image.raw"))

    give("a", worker_a, worker_b)
    rerun(worker_a, called)
    assert rerun(worker_a, called)[0] == []
    assert rerun(worker_b, called)[0] == []
    give("b", worker_b)
    assert rerun(worker_b, called) == ([25], "discovered_changed:hosts")


def test_a_try_that_failed_leaves_nothing_that_the_next_one_depends_on(
    worker_a: Any, worker_b: Any, pipeline: Any, rerun: Any
) -> None:
    problems = ["no quota"]

    def resumed() -> str:
        done = Path("done")
        if not done.exists():
            done.write_text("half")
        if problems:
            raise RuntimeError(problems.pop())
        return done.read_text()

    configured = pipeline(resumed)
    with pytest.raises(RuntimeError):
        rerun(worker_a, configured)
    rerun(worker_a, configured)
    assert rerun(worker_b, configured)[0] == []


def test_threads_and_coroutines_are_seen(worker_a: Any, ran: Any, rerun: Any) -> None:
    @milestone(state=30, kind="gate")
    async def in_threads() -> str:
        ran(30)
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(hosts).result() + await asyncio.to_thread(hosts)

    def called() -> str:
        return asyncio.run(in_threads())

    give("a", worker_a)
    rerun(worker_a, called)
    assert rerun(worker_a, called)[0] == []
    give("b", worker_a)
    assert rerun(worker_a, called) == ([30], "discovered_changed:hosts")


def test_what_was_changed_while_it_ran_is_never_the_same(
    worker_a: Any, pipeline: Any, rerun: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def disturbed() -> str:
        text = hosts()
        pass_a_tick()
        (worker_a.folder / "hosts").chmod(0o600)
        return text

    configured = pipeline(disturbed)
    give("a", worker_a)
    with caplog.at_level(logging.INFO):
        rerun(worker_a, configured)
    assert "State 25: hosts was changed while this ran" in caplog.text
    assert rerun(worker_a, configured) == ([25], "discovered_changed:hosts")


def test_what_an_earlier_state_made_and_did_not_return_is_refused(
    worker_a: Any, ran: Any, rerun: Any
) -> None:
    @milestone(state=25)
    def baseline() -> Path:
        ran(25)
        Path("report").write_text("fine")
        Path("image.raw").write_text("a")
        return Path("image.raw")

    @milestone(state=50)
    def application(image: Path) -> Path:
        ran(50)
        image.write_text(Path("report").read_text())
        return image

    def flow() -> None:
        application(baseline())

    with pytest.raises(InvalidInput, match="State 50 read report, which state 25 made") as refused:
        rerun(worker_a, flow)
    assert "Name it as an artifact of state 25" in str(refused.value.hint)
    assert worker_a.history()[-1].status == "failed"


def test_what_an_earlier_state_left_in_the_folder_of_the_pass_is_refused(
    worker_a: Any, pipeline: Any
) -> None:
    def left() -> str:
        (current_build().workdir / "report").write_text("fine")
        return "a"

    def reads() -> str:
        return (current_build().workdir / "report").read_text()

    first, second = pipeline(left), pipeline(reads).with_options(state=50)
    with worker_a.build():
        first()
        with pytest.raises(InvalidInput, match="which state 25 made"):
            second()


def test_what_a_step_left_on_the_machine_may_be_read_above_it(
    worker_a: Any, worker_b: Any, ran: Any, rerun: Any
) -> None:
    @milestone(state=30)
    def prepared() -> None:
        ran(30)
        Path("report").write_text("fine")

    @milestone(state=50)
    def application() -> Path:
        ran(50)
        Path("image.raw").write_text(Path("report").read_text())
        return Path("image.raw")

    assert rerun(worker_a, prepared, application)[0] == [30, 50]
    assert rerun(worker_b, prepared, application)[0] == []


def step_and_image(ran: Any, read: Callable[[], str]) -> tuple[Any, Any]:
    """Give a step that reads something, and what makes an image of the machine."""

    @milestone(state=30, version="1")
    def prepared() -> None:
        ran(30)
        Path("machine").write_text(read())

    @milestone(state=50, version="1")
    def application() -> Path:
        ran(50)
        Path("image.raw").write_text(Path("machine").read_text())
        return Path("image.raw")

    return prepared, application


def test_a_step_that_has_read_something_else_is_another_step(
    worker_a: Any, ran: Any, rerun: Any
) -> None:
    milestones = step_and_image(ran, hosts)
    give("a", worker_a)
    rerun(worker_a, *milestones)
    give("b", worker_a)
    assert rerun(worker_a, *milestones) == ([30, 50], "upstream_changed:30")
    give("a", worker_a)
    assert rerun(worker_a, *milestones) == ([30, 50], "upstream_changed:30")
    assert rerun(worker_a, *milestones)[0] == []


def test_a_step_that_is_repeated_is_the_same_also_if_it_reads_more(
    worker_a: Any, worker_b: Any, ran: Any, rerun: Any
) -> None:
    more: list[str] = []

    def read() -> str:
        return hosts() + "".join(Path(each).read_text() for each in more)

    prepared, _ = step_and_image(ran, read)
    give("a", worker_a, worker_b)
    give("", worker_a, worker_b, name="more")
    rerun(worker_a, prepared)
    more.append("more")
    assert rerun(worker_b, prepared) == ([30], "not_restorable")
    first, second = (each.step_digest for each in worker_a.history())
    assert first == second

    give("b", worker_b)
    assert rerun(worker_b, prepared) == ([30], "not_restorable")
    assert worker_a.history()[-1].step_digest != first


@pytest.mark.parametrize(
    ("options", "field"),
    [
        pytest.param({"discover": "no"}, "discover", id="no switch"),
        pytest.param({"ignore_reads": "cache/*"}, "ignore_reads", id="one string"),
        pytest.param({"ignore_reads": [1]}, "ignore_reads", id="no string"),
        pytest.param({"ignore_reads": ["/var/*"]}, "ignore_reads", id="outside"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_is_written(
    pipeline: Any, options: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        pipeline(hosts, **options)
    assert refused.value.field == field
