"""Calls that would undo one another are refused: two at one state, two that write one file."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_flows import Handle, milestone, workdir


class TestOneState:
    def test_two_calls_that_differ_in_a_parameter_are_refused(self, worker_a: Any) -> None:
        @milestone(state=60)
        def publish(region: str) -> str:
            return region

        with worker_a.build():
            publish("eu")
            with pytest.raises(InvalidInput, match="differ in param:region") as refused:
                publish("us")
        assert refused.value.code == "two-calls"
        assert "Give each a lane" in (refused.value.hint or "")
        assert [each.status for each in worker_a.history()] == ["completed"]

    def test_two_functions_are_refused(self, worker_a: Any) -> None:
        @milestone(state=60)
        def one() -> str:
            return "one"

        @milestone(state=60)
        def other() -> str:
            return "other"

        with worker_a.build():
            one()
            with pytest.raises(InvalidInput, match="as one and as other, which differ in code"):
                other()

    def test_the_same_call_twice_is_one_milestone(self, worker_a: Any, ran: Any) -> None:
        @milestone(state=60)
        def publish(region: str) -> Handle:
            ran(60)
            return Handle("image", region)

        with worker_a.build():
            publish("eu")
            publish("eu")
        assert ran.since() == [60]

    def test_each_in_a_lane_of_its_own_is_fine(self, worker_a: Any) -> None:
        @milestone(state=60, lane="{region}")
        def publish(region: str) -> str:
            return region

        with worker_a.build():
            assert [publish(each) for each in ("eu", "us")] == ["eu", "us"]

    def test_one_that_failed_may_be_replaced(self, worker_a: Any) -> None:
        @milestone(state=60)
        def quickly() -> str:
            raise RuntimeError("no quota")

        @milestone(state=60)
        def slowly() -> str:
            return "done"

        with worker_a.build():
            with pytest.raises(RuntimeError):
                quickly()
            assert slowly() == "done"


class TestOneFile:
    def side_by_side(self, worker: Any, write: Callable[[str], Path]) -> list[BaseException | Path]:
        both_run, first_is_recorded = threading.Barrier(2), threading.Event()

        @milestone(state=60, lane="{region}")
        def localise(region: str) -> Path:
            both_run.wait(30)
            path = write(region)
            if region == "us":
                assert first_is_recorded.wait(30)
            return path

        def call(region: str) -> BaseException | Path:
            try:
                return Path(localise(region))
            except InvalidInput as error:
                return error
            finally:
                first_is_recorded.set()

        with worker.build(), ThreadPoolExecutor() as pool:
            calls = [pool.submit(copy_context().run, call, each) for each in ("eu", "us")]
            return [each.result(60) for each in calls]

    def test_two_that_work_at_the_same_time_may_not_return_one_file(self, worker_a: Any) -> None:
        def write(region: str) -> Path:
            Path("out.img").write_text(region)
            return Path("out.img")

        _, refused = self.side_by_side(worker_a, write)
        assert isinstance(refused, InvalidInput)
        assert refused.code == "one-file-twice"
        for lane in ("eu", "us"):
            assert f"State 60 in lane {lane} (localise)" in refused.message
        found = {each.lane: each for each in worker_a.history()}
        assert found["us"].status == "failed"
        assert [each.status for each in found["eu"].artifacts] == ["quarantined"]

    def test_each_has_a_folder_of_its_own(self, worker_a: Any) -> None:
        def write(region: str) -> Path:
            assert list(workdir().iterdir()) == []
            path = workdir() / "out.img"
            path.write_text(region)
            return path

        eu, us = self.side_by_side(worker_a, write)
        assert isinstance(eu, Path)
        assert isinstance(us, Path)
        assert eu != us

    def test_one_after_the_other_may_return_one_file(self, worker_a: Any) -> None:
        @milestone(state=60, lane="{region}")
        def localise(region: str) -> Path:
            Path("out.img").write_text(region)
            return Path("out.img")

        with worker_a.build():
            for region in ("eu", "us"):
                localise(region)
        assert {each.status for each in worker_a.history()} == {"completed"}

    def test_outside_of_a_milestone_there_is_no_folder(self, worker_a: Any) -> None:
        with worker_a.build(), pytest.raises(InvalidInput, match="no milestone here"):
            workdir()
