"""What a rerun runs, and what it skips: outside a flow, against the real service."""

from pathlib import Path
from typing import Any

import pytest
from support import until

from buildstate_core.errors import ArtifactUnreachable, Conflict, InvalidInput
from buildstate_flows import Handle, milestone


class Pipeline:
    """10 and 25 leave an image, 30 and 35 change it in place, 50 leaves it again."""

    def __init__(self, ran: Any, *, fails_at: int | None = None) -> None:
        self.fails_at = fails_at

        @milestone(state=10)
        def base(release: str) -> Path:
            return self._ran(10, Path("base.raw"), f"base {release}\n")

        @milestone(state=25)
        def baseline(image: Path) -> Path:
            return self._ran(25, Path("hardened.raw"), image.read_text() + "hardened\n")

        @milestone(state=30)
        def monitoring(image: Path) -> None:
            self._ran(30, image, image.read_text() + "monitored\n")

        @milestone(state=35)
        def runtime(image: Path) -> None:
            self._ran(35, image, image.read_text() + "runtime\n")

        @milestone(state=50)
        def application(image: Path) -> Path:
            return self._ran(50, image, image.read_text() + "application\n")

        self.base, self.baseline = base, baseline
        self.steps, self.application = (monitoring, runtime), application
        self._note = ran

    def __bldst_fingerprint__(self) -> None:
        """Say nothing: where it fails is no part of what it makes."""

    def _ran(self, state: int, path: Path, content: str) -> Path:
        self._note(state)
        if state == self.fails_at:
            path.write_text("half of")
            raise RuntimeError("mirror timed out")
        path.write_text(content)
        return path

    def __call__(self) -> Any:
        image = self.baseline(self.base("9.6"))
        for step in self.steps:
            step(image)
        return self.application(image)


WHOLE = "base 9.6\nhardened\nmonitored\nruntime\napplication\n"


def test_a_rerun_on_another_worker_skips_all_and_downloads_nothing(
    worker_a: Any, worker_b: Any, ran: Any
) -> None:
    run = Pipeline(ran)
    with worker_a.build() as first:
        assert run().read_text() == WHOLE
    assert ran.since() == [10, 25, 30, 35, 50]

    with worker_b.build() as second:
        image = run()
        assert second.number == first.number
        assert second.downloads == ()
        assert repr(image) == f"<Artifact hardened.raw of build {first.number} state 50>"
        assert second.downloads == ()
        assert image.read_text() == WHOLE
        assert second.downloads == (len(WHOLE),)
    assert ran.since() == []


def test_after_a_failure_at_50_the_steps_run_again_on_the_last_image(
    worker_a: Any, worker_b: Any, ran: Any
) -> None:
    with worker_a.build(), pytest.raises(RuntimeError):
        Pipeline(ran, fails_at=50)()
    assert ran.since() == [10, 25, 30, 35, 50]

    with worker_b.build() as resumed:
        assert Pipeline(ran)().read_text() == WHOLE
        # One file, not three.
        assert resumed.downloads == (len("base 9.6\nhardened\n"),)
    assert ran.since() == [30, 35, 50]
    assert worker_b.story()[5:] == [
        (30, "completed", "not_restorable"),
        (35, "completed", "not_restorable"),
        (50, "completed", "failed_before"),
    ]
    assert worker_b.history()[4].message == "RuntimeError: mirror timed out"


def test_a_half_changed_file_is_replaced_before_the_retry_in_the_same_pass(
    worker_a: Any, ran: Any
) -> None:
    run = Pipeline(ran, fails_at=50)
    with worker_a.build():
        image = run.baseline(run.base("9.6"))
        for step in run.steps:
            step(image)
        with pytest.raises(RuntimeError):
            run.application(image)
        run.fails_at = None
        # The steps are made again, since what they had done was lost with the file.
        assert run.application(image).read_text() == WHOLE
    assert ran.since() == [10, 25, 30, 35, 50, 30, 35, 50]


def test_a_deleted_artifact_is_made_again(
    worker_a: Any, worker_b: Any, storage: Any, ran: Any
) -> None:
    with worker_a.build():
        Pipeline(ran)()
    ran.since()
    storage.delete(50)

    with worker_b.build():
        assert Pipeline(ran)().read_text() == WHOLE
    # 50 starts from 25, with what the steps did to it.
    assert ran.since() == [30, 35, 50]
    assert (50, "completed", "artifact_gone") in worker_b.story()


def test_flipped_bytes_are_found_when_they_are_pulled_and_the_pass_rewinds(
    worker_a: Any, worker_b: Any, storage: Any, ran: Any
) -> None:
    with worker_a.build(), pytest.raises(RuntimeError):
        Pipeline(ran, fails_at=50)()
    ran.since()
    storage.flip(25)

    with worker_b.build() as resumed:
        image = Pipeline(ran)()
        assert image.read_text() == WHOLE
        bad = next(resumed._session.client.list_artifacts(resumed.number, state=25))
    assert bad.status == "quarantined"
    assert ran.since() == [25, 30, 35, 50]
    assert (25, "completed", "artifact_corrupt") in worker_b.story()


def test_flow_code_that_reads_a_corrupt_artifact_gets_the_one_made_again(
    worker_a: Any, worker_b: Any, storage: Any, ran: Any
) -> None:
    with worker_a.build():
        Pipeline(ran)()
    storage.flip(10)
    ran.since()
    with worker_b.build():
        assert Pipeline(ran).base("9.6").read_text() == "base 9.6\n"
    assert ran.since() == [10]


def test_an_unreachable_storage_is_refused_and_nothing_is_run(
    worker_a: Any, worker_b: Any, storage: Any, ran: Any
) -> None:
    with worker_a.build():
        Pipeline(ran)()
    ran.since()
    before = worker_a.story()
    storage.folder.rename(storage.folder.with_name("elsewhere"))

    with worker_b.build(), pytest.raises(ArtifactUnreachable, match="cannot be looked at"):
        Pipeline(ran)()
    assert ran.since() == []
    assert worker_b.story() == before


def test_outside_a_build_a_milestone_says_how_to_open_one(ran: Any) -> None:
    with pytest.raises(InvalidInput, match=r"with build\("):
        Pipeline(ran).base("9.6")
    assert ran.since() == []


def test_a_step_that_this_pass_did_not_call_is_named_by_the_refusal(
    worker_a: Any, worker_b: Any, ran: Any
) -> None:
    with worker_a.build(), pytest.raises(RuntimeError):
        Pipeline(ran, fails_at=50)()
    ran.since()
    run = Pipeline(ran)
    with worker_b.build(), pytest.raises(Conflict, match="needs state 30 first"):
        run.application(run.baseline(run.base("9.6")))
    assert ran.since() == []


def test_steps_that_a_checkpoint_stood_in_for_run_when_its_own_recipe_has_changed(
    worker_a: Any, worker_b: Any, ran: Any
) -> None:
    with worker_a.build():
        Pipeline(ran)()
    ran.since()

    run = Pipeline(ran)
    run.application = run.application.with_options(version="2")
    with worker_b.build() as build:
        assert run().read_text() == WHOLE
        assert build.downloads == (len("base 9.6\nhardened\n"),)
    # 30 and 35 were skipped first, as 50 includes them.
    assert ran.since() == [30, 35, 50]
    assert worker_b.story()[5:] == [
        (30, "completed", "rewound"),
        (35, "completed", "rewound"),
        (50, "completed", "recipe_changed:code"),
    ]


def test_a_value_between_two_steps_does_not_make_the_machine_forget_the_first(
    worker_a: Any, ran: Any
) -> None:
    run = Pipeline(ran)

    @milestone(state=32)
    def measure(image: Path) -> int:
        ran(32)
        return image.stat().st_size

    with worker_a.build():
        image = run.baseline(run.base("9.6"))
        run.steps[0](image)
        measure(image)
        run.steps[1](image)
        assert run.application(image).read_text() == WHOLE
    assert ran.since() == [10, 25, 30, 32, 35, 50]


def test_an_edited_input_that_became_a_result_is_not_taken_for_the_input(
    worker_a: Any, ran: Any
) -> None:
    run = Pipeline(ran)

    @milestone(state=60)
    def compare(before: Path, after: Path) -> list[str]:
        return [before.read_text(), after.read_text()]

    with worker_a.build():
        before = run.baseline(run.base("9.6"))
        after = run.application(before)  # returns the file that it was given
        expected = ["base 9.6\nhardened\n", "base 9.6\nhardened\napplication\n"]
        assert compare(before, after) == expected
        assert [before.read_text(), after.read_text()] == expected


KILLED = """
import os, time
from pathlib import Path
from buildstate_flows import build, milestone

@milestone(state=10)
def base() -> Path:
    Path("base.raw").write_text("base")
    return Path("base.raw")

@milestone(state=50)
def application(image: Path) -> Path:
    Path("has_begun").touch()
    if os.environ["BLDST_WORKER"] == "worker-a":
        image.write_text("half of")
        time.sleep(600)
    Path("application.raw").write_text(image.read_text() + " application")
    return Path("application.raw")

with build("rhel-base", "9.6", platform="aws"):
    print(application(base()).read_text())
"""


def test_a_killed_worker_is_taken_over_by_another_one(make_worker: Any, tmp_path: Path) -> None:
    script = tmp_path / "pipeline.py"
    script.write_text(KILLED)
    worker_a = make_worker("worker-a", BLDST_LEASE_SECONDS="4")
    with worker_a.process(script) as process:
        until((worker_a.folder / "has_begun").exists, seconds=120)
        process.kill()
    with make_worker("worker-b").process(script) as process:
        assert process.communicate(timeout=120)[0] == "base application\n"
    assert worker_a.story() == [
        (10, "completed", "never_completed"),
        (50, "lost", "never_completed"),
        (50, "completed", "lost_worker"),
    ]


def test_a_handle_is_looked_at_before_its_milestone_is_skipped(
    make_worker: Any, ran: Any, tmp_path: Path
) -> None:
    image = tmp_path / "cluster"  # what the cluster says of the image; nothing: it cannot be asked
    look = f"sh -c 'test -e {image} || exit 1; test -s {image} || exit 2; cat {image}'"
    worker_a, worker_b = (make_worker(name, BLDST_PROBE_RBD=look) for name in ("a", "b"))

    @milestone(state=60)
    def upload() -> Handle:
        ran(60)
        image.write_text(f"made by attempt {len(worker_a.history())}")
        return Handle("rbd", "images/rhel-9", pool="images")

    def rerun(worker: Any) -> list[int]:
        with worker.build():
            assert upload() == Handle("rbd", "images/rhel-9", pool="images")
        return list(ran.since())

    assert [rerun(worker_a), rerun(worker_b)] == [[60], []]
    image.write_text("")
    with worker_b.build(), pytest.raises(ArtifactUnreachable, match="Nothing is run"):
        upload()
    image.unlink()
    assert [rerun(worker_b), rerun(worker_a)] == [[60], []]
    image.write_text("made by somebody else")
    assert rerun(worker_a) == [60]
    assert [each.reason for each in worker_a.history()] == [
        "never_completed",
        "artifact_gone",
        "artifact_corrupt",
    ]
