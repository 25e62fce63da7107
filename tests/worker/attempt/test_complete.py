"""An attempt that ends: what is uploaded, what is recorded, and when both are undone."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError
from support import Service, image, until

from buildstate_core.errors import (
    ArtifactLost,
    ArtifactUnreachable,
    BuildStateError,
    Held,
    InvalidInput,
    NotAllowed,
    Refused,
    StaleClaim,
    Unreachable,
)
from buildstate_core.models import Build, ClaimRequest
from buildstate_core.vocabulary import Kind
from buildstate_worker.attempt import Done, record_or_undo
from buildstate_worker.blobs import Blob

from .workers import Ended, Worker, complete, stored, told


class TestComplete:
    def test_uploads_come_first_and_are_recorded_with_the_completion(
        self, worker: Worker, build: Build, storage: Path
    ) -> None:
        begun = worker.claimed(25)
        with begun:
            blobs = [worker.blob("disk", "disk!"), worker.blob("log", "log")]
            done = complete(begun, [*blobs, image("ami", kind="handle")], message="well done")
        assert (done.status, done.kind, done.message) == ("completed", "checkpoint", "well done")
        disk, log, ami = sorted(done.artifacts, key=lambda each: (each.kind != "blob", each.name))
        assert (disk.size_bytes, disk.metadata) == (5, {"path": "out/disk"})
        assert disk.uri is not None
        assert disk.uri.endswith(f"/{build.number}/state-25/{done.id}/disk")
        assert (log.storage_type, ami.kind) == ("file", "handle")
        assert stored(storage) == ["disk", "log"]

    def test_without_artifacts_it_was_a_step(self, worker: Worker) -> None:
        with worker.claimed(30) as begun:
            assert complete(begun).kind == "step"

    def test_what_was_said_of_its_kind_counts(self, worker: Worker) -> None:
        with worker.claimed(60, kind=Kind.EFFECT) as begun:
            assert complete(begun).kind == "effect"

    def test_an_upload_that_fails_fails_the_attempt_and_removes_the_others(
        self, worker: Worker, shared: Service, build: Build, storage: Path
    ) -> None:
        missing = Blob(name="missing", path=worker.folder / "missing")
        with pytest.raises(InvalidInput), worker.claimed(25) as begun:
            complete(begun, [worker.blob("disk"), missing])
        [(status, message)] = told(shared, build)
        assert status == "failed"
        assert "missing" in (message or "")
        assert stored(storage) == []
        assert list(shared.client.list_artifacts(build.number)) == []

    def test_a_signal_during_an_upload_removes_the_others_too(
        self, worker: Worker, shared: Service, build: Build, storage: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        push = worker.artifacts.push

        def interrupted(blob: Blob, *args: Any, **options: Any) -> Any:
            if blob.name == "second":
                raise Ended("SIGTERM")
            return push(blob, *args, **options)

        monkeypatch.setattr(worker.artifacts, "push", interrupted)
        with pytest.raises(Ended), worker.claimed(25) as begun:
            complete(begun, [worker.blob("first"), worker.blob("second")])
        assert (told(shared, build), stored(storage)) == ([("cancelled", "Ended: SIGTERM")], [])

    def test_a_stale_one_is_refused_and_leaves_nothing(
        self, worker: Worker, other: Worker, shared: Service, build: Build, storage: Path
    ) -> None:
        stale = worker.claimed(25)
        shared.expire(stale.attempt.id)
        with other.claimed(25) as begun:
            complete(begun, [other.blob("disk", "b")])
        with pytest.raises(StaleClaim), stale:
            complete(stale, [worker.blob("disk", "a")])
        assert [status for status, _ in told(shared, build)] == ["lost", "completed"]
        assert [path.read_text() for path in storage.rglob("disk")] == ["b"]

    def test_while_nobody_knows_whether_it_was_recorded_uploads_stay(
        self, worker: Worker, shared: Service, build: Build, storage: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        send = worker.client.complete

        def lost_answer(*arguments: Any) -> Any:
            send(*arguments)
            raise Unreachable("no answer")

        monkeypatch.setattr(worker.client, "complete", lost_answer)
        with pytest.raises(Unreachable), worker.claimed(25) as begun:
            complete(begun, [worker.blob("disk")])
        assert (told(shared, build), stored(storage)) == ([("completed", None)], ["disk"])
        skipped = worker.ask(25)
        assert isinstance(skipped, Done)

    def test_while_a_key_is_refused_uploads_stay(
        self, worker: Worker, storage: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It may have been revoked between a try whose answer was lost and the next."""

        def refused(*_: Any) -> Any:
            raise NotAllowed("the key is revoked")

        monkeypatch.setattr(worker.client, "complete", refused)
        with pytest.raises(NotAllowed), worker.claimed(25) as begun:
            complete(begun, [worker.blob("disk")])
        assert stored(storage) == ["disk"]

    def test_what_the_service_refuses_fails_the_attempt_and_removes_the_uploads(
        self, worker: Worker, shared: Service, build: Build, storage: Path
    ) -> None:
        """Two artifacts of one name."""
        with (
            pytest.raises(ValueError, match="two artifacts are named"),
            worker.claimed(25) as begun,
        ):
            complete(begun, [worker.blob("disk"), image("disk")])
        assert [status for status, _ in told(shared, build)] == ["failed"]
        assert stored(storage) == []

    def test_it_is_kept_alive_while_it_uploads(
        self, worker: Worker, shared: Service, build: Build, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        push = worker.artifacts.push

        def slow(blob: Blob, *args: Any, **options: Any) -> Any:
            until(lambda: beats(shared, begun.attempt.id) > 1.5)
            return push(blob, *args, **options)

        monkeypatch.setattr(worker.artifacts, "push", slow)
        with worker.claimed(25, lease_seconds=1) as begun:
            complete(begun, [worker.blob("disk")])
        assert [status for status, _ in told(shared, build)] == ["completed"]


def beats(service: Service, attempt: UUID) -> float:
    """How many seconds after its claim an attempt has last been heard of."""
    [row] = service.query(
        "SELECT extract(epoch FROM heartbeat_at - started_at)::float AS age"
        " FROM build_states WHERE id = %s",
        attempt,
    )
    age: float = row["age"]
    return age


class TestRecordOrUndo:
    """What was stored is removed only if it was surely not recorded."""

    def outcome(self, answer: BaseException | None) -> tuple[list[object], BaseException | None]:
        done: list[object] = []

        def send() -> str:
            if answer is not None:
                raise answer
            return "recorded"

        try:
            record_or_undo(send, undo=done.append, leave=lambda: done.append("left"))
        except (BuildStateError, ValidationError) as error:
            return done, error
        return done, None

    def test_what_is_recorded_stays(self) -> None:
        assert self.outcome(None) == ([], None)

    @pytest.mark.parametrize("answer", [Unreachable("no answer"), NotAllowed("revoked")])
    def test_what_may_have_been_recorded_stays(self, answer: BuildStateError) -> None:
        assert self.outcome(answer) == (["left"], answer)

    @pytest.mark.parametrize("answer", [StaleClaim("taken over"), InvalidInput("two of a name")])
    def test_what_is_refused_for_good_is_undone(self, answer: BuildStateError) -> None:
        assert self.outcome(answer) == ([answer], answer)

    def test_so_is_what_was_not_even_sent(self) -> None:
        with pytest.raises(ValidationError) as wrong:
            ClaimRequest(state=101)
        assert self.outcome(wrong.value) == ([wrong.value], wrong.value)


def test_every_error_of_an_attempt_is_one_for_people() -> None:
    for each in (Held, Refused, StaleClaim, Unreachable, ArtifactLost, ArtifactUnreachable):
        assert issubclass(each, BuildStateError)
