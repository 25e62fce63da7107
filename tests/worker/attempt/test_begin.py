"""An attempt that begins: asked for, waited for, skipped or refused."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support import Service, until

from buildstate_core.errors import ArtifactUnreachable, Conflict, Held, Refused, Unreachable
from buildstate_core.models import Build, ClaimRequest
from buildstate_core.vocabulary import Kind
from buildstate_worker import attempt
from buildstate_worker.attempt import Done, ask
from buildstate_worker.client import ONCE, Client

from .workers import Worker, complete, told


class TestBegin:
    def test_what_is_done_is_checked_and_given(self, worker: Worker, other: Worker) -> None:
        with worker.claimed(25) as begun:
            done = complete(begun, [worker.blob("disk")])
        skipped = other.ask(25)
        assert isinstance(skipped, Done)
        assert (skipped.attempt.id, skipped.reason, skipped.is_resume_point) == (
            done.id, "unchanged", True,
        )  # fmt: skip
        assert [each.name for each in skipped.artifacts] == ["disk"]

    def test_what_is_gone_is_taken_out_of_use_and_run(
        self, worker: Worker, other: Worker, shared: Service, build: Build, storage: Path
    ) -> None:
        with worker.claimed(25) as begun:
            complete(begun, [worker.blob("disk")])
        for path in storage.rglob("disk"):
            path.unlink()
        with other.claimed(25) as begun:
            assert begun.attempt.reason == "artifact_gone"
            complete(begun, [other.blob("disk")])
        statuses = [each.status for each in shared.client.list_artifacts(build.number)]
        assert statuses == ["quarantined", "available"]

    def test_what_cannot_be_looked_at_is_neither_run_nor_taken_out_of_use(
        self, worker: Worker, other: Worker, shared: Service, build: Build, storage: Path
    ) -> None:
        with worker.claimed(25) as begun:
            complete(begun, [worker.blob("disk")])
        storage.rename(storage.with_name("unmounted"))
        with pytest.raises(ArtifactUnreachable, match="cannot be looked at"):
            other.ask(25)
        assert [status for status, _ in told(shared, build)] == ["completed"]
        [artifact] = shared.client.list_artifacts(build.number)
        assert artifact.status == "available"

    def test_what_another_has_is_waited_for_and_then_done(
        self, worker: Worker, other: Worker
    ) -> None:
        begun = worker.claimed(25)
        answers: list[Any] = []
        waiter = threading.Thread(target=lambda: answers.append(other.ask(25, wait_seconds=None)))
        waiter.start()
        until(lambda: other.waits)
        with begun:
            complete(begun, [worker.blob("disk")])
        waiter.join()
        assert isinstance(answers[0], Done)
        assert other.waits[0].holder == "worker-a"

    def test_waiting_has_an_end(self, worker: Worker, other: Worker) -> None:
        with worker.claimed(25):
            began = time.monotonic()
            with pytest.raises(Held, match="held by worker-a until") as held:
                other.ask(25, wait_seconds=0.3)
            assert time.monotonic() - began < 5
            assert (held.value.holder, held.value.until is not None) == ("worker-a", True)

    def test_a_worker_holds_against_itself_as_well(self, worker: Worker) -> None:
        with worker.claimed(25), pytest.raises(Held):
            worker.ask(25)

    def test_a_lost_one_is_taken_over(self, worker: Worker, other: Worker, shared: Service) -> None:
        stale = worker.claimed(25)
        shared.expire(stale.attempt.id)
        with other.claimed(25) as begun:
            assert (begun.attempt.reason, begun.attempt.attempt) == ("lost_worker", 2)
        stale.__exit__(None, None, None)

    def test_what_it_needs_first_is_named(self, worker: Worker) -> None:
        with worker.claimed(25) as begun:
            complete(begun, [worker.blob("disk")])
        with worker.claimed(30) as begun:
            complete(begun)
        with pytest.raises(Refused, match="needs state 30 first"):
            worker.ask(50, machine=())

    def test_a_checkpoint_is_restored_even_if_the_machine_holds_it(self, worker: Worker) -> None:
        with worker.claimed(25) as begun:
            made = complete(begun, [worker.blob("disk")])
        for machine in (None, (), (made.step_digest,)):
            with worker.claimed(50, machine=machine) as begun:
                assert [each.name for each in begun.claim.restore] == ["disk"]

    def test_what_is_consumed_is_restored(self, worker: Worker) -> None:
        for state in (10, 25):
            with worker.claimed(state) as begun:
                complete(begun, [worker.blob(f"disk-{state}")])
        with worker.claimed(50, consumes=[10]) as begun:
            assert [each.name for each in begun.claim.restore] == ["disk-10"]
        with worker.claimed(50, consumes=[10, 25]) as begun:
            assert [each.name for each in begun.claim.restore] == ["disk-10", "disk-25"]

    def test_a_step_that_the_machine_holds_needs_no_restore(self, worker: Worker) -> None:
        with worker.claimed(25) as begun:
            complete(begun, [worker.blob("disk")])
        with worker.claimed(30) as begun:
            step = complete(begun)
        with worker.claimed(50, machine=(step.step_digest,)) as begun:
            assert begun.claim.restore == ()

    def test_a_build_that_is_complete_takes_no_more(self, worker: Worker) -> None:
        with worker.claimed(100, kind=Kind.EFFECT) as begun:
            complete(begun)
        with pytest.raises(Conflict):
            worker.ask(50)

    def test_a_service_that_is_away_begins_nothing(self, worker: Worker) -> None:
        client = Client("http://127.0.0.1:1", "k", retries=ONCE)
        away = attempt.Worker(client, worker.artifacts, "w")
        with pytest.raises(Unreachable):
            ask(away, 1, lambda: ClaimRequest(state=25))
