"""One attempt: ask, run, upload, record, and all that can come between."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError
from support import Service, image, until

from buildstate_core.errors import (
    ArtifactLost,
    ArtifactUnreachable,
    BuildStateError,
    Conflict,
    Held,
    InvalidInput,
    NotAllowed,
    Refused,
    StaleClaim,
    Unreachable,
)
from buildstate_core.models import (
    Artifact,
    ArtifactRecord,
    Attempt,
    Build,
    BuildDerive,
    Claim,
    ClaimRequest,
    Waive,
)
from buildstate_core.vocabulary import ArtifactKind, Kind
from buildstate_worker import attempt
from buildstate_worker.artifacts import Artifacts, place_of
from buildstate_worker.attempt import Claimed, Done, ask, record_or_undo
from buildstate_worker.blobs import Blob
from buildstate_worker.client import ONCE, Client
from buildstate_worker.handles import Probes
from buildstate_worker.transfer import ArtifactStore


class Ended(BaseException):
    """As a signal raises it."""


@pytest.fixture(scope="module")
def shared(cluster: Any) -> Iterator[Service]:
    from support import serving  # noqa: PLC0415 - beside its only use

    name = cluster.create_database()
    with serving(cluster.url(name), cluster.key) as service:
        yield service
    cluster.drop_database(name)


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    folder = tmp_path / "storage"
    folder.mkdir()
    return folder


@pytest.fixture
def build(shared: Service, storage: Path) -> Build:
    project = f"p{storage.stat().st_ino}-{time.time_ns()}"
    return shared.make_build(shared.make_project(project, storage_url=storage.as_uri()))


class Worker:
    def __init__(self, service: Service, build: Build, folder: Path, name: str) -> None:
        self.waits: list[Claim] = []
        self.client = Client(service.url, service.key)
        store = ArtifactStore(cache_dir=folder / f"cache-{name}")
        self.artifacts = Artifacts(self.client, store, storage_url=(folder / "own").as_uri())
        self.worker = attempt.Worker(self.client, self.artifacts, name)
        self.build = build
        self.folder = folder

    def ask(
        self,
        state: int,
        *,
        wait_seconds: float | None = 0.0,
        probe: Callable[[Done], bool] | None = None,
        **fields: Any,
    ) -> Done | Claimed:
        request = ClaimRequest(state=state, worker=self.worker.name, **fields)
        return ask(
            self.worker,
            self.build.id,
            request,
            wait_seconds=wait_seconds,
            on_wait=self.waits.append,
            probe=probe,
        )

    def claimed(self, state: int, **fields: Any) -> Claimed:
        asked = self.ask(state, **fields)
        assert isinstance(asked, Claimed)
        return asked

    def blob(self, name: str, content: str = "x") -> Blob:
        path = self.folder / name
        path.write_text(content)
        return Blob(name=name, path=path, place=PurePosixPath(f"out/{name}"))


@pytest.fixture
def make_worker(shared: Service, build: Build, tmp_path: Path) -> Iterator[Callable[[str], Worker]]:
    made: list[Worker] = []

    def make(name: str) -> Worker:
        made.append(Worker(shared, build, tmp_path, name))
        return made[-1]

    yield make
    for each in made:
        each.client.close()


@pytest.fixture
def worker(make_worker: Callable[[str], Worker]) -> Worker:
    return make_worker("worker-a")


@pytest.fixture
def other(make_worker: Callable[[str], Worker]) -> Worker:
    return make_worker("worker-b")


def complete(
    claimed: Claimed, outputs: Sequence[Blob | ArtifactRecord] = (), message: str | None = None
) -> Attempt:
    return attempt.record(attempt.upload(claimed, outputs), message=message)


def told(service: Service, build: Build) -> list[tuple[str, str | None]]:
    return [(each.status.value, each.message) for each in service.client.history(build.number)]


def stored(storage: Path) -> list[str]:
    return sorted(each.name for each in storage.rglob("*") if each.is_file())


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


class TestBlock:
    def test_an_error_fails_the_attempt_and_goes_on(
        self, worker: Worker, shared: Service, build: Build
    ) -> None:
        with pytest.raises(ZeroDivisionError), worker.claimed(25):
            _ = 1 / 0
        assert told(shared, build) == [("failed", "ZeroDivisionError: division by zero")]

    def test_a_person_s_ctrl_c_is_no_failure(
        self, worker: Worker, shared: Service, build: Build
    ) -> None:
        with pytest.raises(KeyboardInterrupt), worker.claimed(25):
            raise KeyboardInterrupt
        assert told(shared, build) == [("cancelled", "KeyboardInterrupt")]

    def test_an_end_without_a_word_is_a_failure(
        self, worker: Worker, shared: Service, build: Build
    ) -> None:
        with worker.claimed(25):
            pass
        assert told(shared, build) == [("failed", "it ended without a word")]

    @pytest.mark.parametrize(
        ("say", "recorded"),
        [
            (lambda begun: begun.fail("a good reason"), ("failed", "a good reason")),
            (complete, ("completed", None)),
        ],
        ids=["failed", "completed"],
    )
    def test_what_was_said_counts(
        self, say: Any, recorded: Any, worker: Worker, shared: Service, build: Build
    ) -> None:
        begun = worker.claimed(25)
        with pytest.raises(KeyError), begun:
            raise KeyError(str(say(begun)))
        assert told(shared, build) == [recorded]

    def test_no_heart_beats_on(self, worker: Worker) -> None:
        for _ in range(3):
            with worker.claimed(25):
                pass
        with worker.claimed(25) as begun:
            complete(begun)
        assert not [each for each in threading.enumerate() if "heartbeat" in each.name]

    @pytest.mark.parametrize(
        "message", ["x" * 1_000_000, "a\x00b", "half \ud800 pair", "", "ünï\n\tcode \U0001f600"]
    )
    def test_any_message_can_be_recorded(
        self, message: str, worker: Worker, shared: Service, build: Build
    ) -> None:
        with pytest.raises(RuntimeError), worker.claimed(25):
            raise RuntimeError(message)
        [(status, recorded)] = told(shared, build)
        assert status == "failed"
        assert recorded is not None
        assert recorded.startswith("RuntimeError")
        assert len(recorded) <= 10_000

    def test_the_first_error_wins_when_the_service_is_away(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: Any) -> Any:
            raise Unreachable("no answer")

        monkeypatch.setattr(worker.client, "fail", away)
        with pytest.raises(ZeroDivisionError), worker.claimed(25):
            _ = 1 / 0

    def test_a_claim_that_is_lost_is_told_once(self, worker: Worker, shared: Service) -> None:
        stale: list[StaleClaim] = []
        with worker.claimed(25, lease_seconds=1) as begun:
            begun.when_stale(stale.append)
            shared.expire(begun.attempt.id)
            until(lambda: begun.stale)
        assert stale == [begun.stale]


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
        for machine in (None, (), (made.id,)):
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
        with worker.claimed(50, machine=(step.id,)) as begun:
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
            ask(away, 1, ClaimRequest(state=25))


class TestProbe:
    @pytest.fixture
    def effect(self, worker: Worker) -> UUID:
        with worker.claimed(60, kind=Kind.EFFECT) as begun:
            return complete(begun, [image("ami", kind="handle")]).id

    def probed(self, worker: Worker, probe: Callable[[Done], bool], state: int = 60) -> Any:
        return worker.ask(state, kind=Kind.EFFECT, probe=probe)

    def test_what_holds_is_skipped(self, worker: Worker, effect: UUID) -> None:
        asked: list[Done] = []
        done = self.probed(worker, lambda done: asked.append(done) is None)
        assert (done, done.attempt.id) == (asked[0], effect)
        assert [each.name for each in done.artifacts] == ["ami"]

    @pytest.mark.usefixtures("effect")
    def test_what_is_gone_is_done_again(self, worker: Worker) -> None:
        with self.probed(worker, lambda _: False) as begun:
            assert (begun.attempt.attempt, begun.attempt.reason) == (2, "effect_gone")
            complete(begun)

    @pytest.mark.usefixtures("effect")
    def test_what_cannot_be_told_claims_nothing(
        self, worker: Worker, shared: Service, build: Build
    ) -> None:
        def undecided(_: Done) -> bool:
            raise Refused("nobody can tell")

        with pytest.raises(Refused, match="nobody can tell"):
            self.probed(worker, undecided)
        assert len(told(shared, build)) == 1

    def test_what_was_never_done_is_not_probed(self, worker: Worker) -> None:
        asked: list[Done] = []
        with self.probed(worker, lambda done: asked.append(done) is None) as begun:
            assert asked == []
            complete(begun)

    def test_what_a_person_waived_is_not_probed(self, worker: Worker, shared: Service) -> None:
        shared.client.waive(worker.build.number, Waive(state=60, reason="by hand"))
        done = self.probed(worker, lambda _: False)
        assert (done.reason, done.attempt.status) == ("waived", "waived")

    @pytest.mark.usefixtures("effect")
    def test_a_service_that_does_not_hear_it_is_not_asked_for_ever(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        claim = worker.client.claim

        def deaf(build: str, request: ClaimRequest) -> Claim:
            return claim(build, request.model_copy(update={"refuted": None}))

        monkeypatch.setattr(worker.client, "claim", deaf)
        with pytest.raises(Refused, match="does not have it done again"):
            self.probed(worker, lambda _: False)


class TestHandles:
    """An RBD image, and what its cluster says of it: a file that is there and not empty."""

    @pytest.fixture
    def ceph(self, tmp_path: Path) -> Path:
        (tmp_path / "ceph").write_text("made today")
        return tmp_path / "ceph"

    @pytest.fixture
    def builder(self, worker: Worker, ceph: Path) -> Worker:
        worker.artifacts.probes = self.probes(ceph)
        return worker

    def probes(self, ceph: Path) -> Probes:
        look = 'test -e "$0" || exit 3; test -s "$0" && cat "$0"'
        return Probes({"RBD": ("sh", "-c", look, str(ceph))})

    def record(self) -> ArtifactRecord:
        return ArtifactRecord(
            name="image", kind=ArtifactKind.HANDLE, storage_type="rbd", uri="images/rhel-9"
        )

    @pytest.fixture(
        params=[
            pytest.param((25, Kind.CHECKPOINT), id="checkpoint"),
            pytest.param((60, Kind.EFFECT), id="effect"),
        ]
    )
    def made(self, builder: Worker, request: pytest.FixtureRequest) -> Artifact:
        state, kind = request.param
        with builder.claimed(state, kind=kind) as begun:
            [artifact] = complete(begun, [self.record()]).artifacts
        return artifact

    def test_one_that_is_the_same_is_skipped(self, made: Artifact, builder: Worker) -> None:
        assert made.identity == "made today"
        done = builder.ask(made.state)
        assert isinstance(done, Done)
        assert [each.id for each in done.artifacts] == [made.id]

    def test_one_that_is_gone_is_made_again(
        self, made: Artifact, builder: Worker, ceph: Path, shared: Service
    ) -> None:
        ceph.unlink()
        with builder.claimed(made.state) as again:
            assert again.attempt.reason == "artifact_gone"
            ceph.write_text("made tomorrow")
            [artifact] = complete(again, [self.record()]).artifacts
        assert artifact.identity == "made tomorrow"
        assert shared.client.get_artifact(made.id).status == "quarantined"

    def test_another_thing_under_the_same_id_is_made_again(
        self, made: Artifact, builder: Worker, ceph: Path
    ) -> None:
        ceph.write_text("made by somebody else")
        with builder.claimed(made.state) as again:
            assert again.attempt.reason == "artifact_corrupt"
            complete(again)

    def test_one_that_nobody_can_look_at_is_not_made_again(
        self, made: Artifact, builder: Worker, ceph: Path, shared: Service, build: Build
    ) -> None:
        ceph.write_text("")
        with pytest.raises(ArtifactUnreachable, match="Nothing is run"):
            builder.ask(made.state)
        assert shared.client.get_artifact(made.id).status == "available"
        assert len(told(shared, build)) == 1

    def test_one_that_is_not_visible_yet_is_recorded_all_the_same(
        self, builder: Worker, ceph: Path
    ) -> None:
        ceph.unlink()
        with builder.claimed(25) as begun:
            [artifact] = complete(begun, [self.record()]).artifacts
        assert artifact.identity is None
        ceph.write_text("made today")
        assert isinstance(builder.ask(25), Done)

    def test_a_derived_build_looks_at_what_it_inherits(
        self, builder: Worker, ceph: Path, shared: Service
    ) -> None:
        with builder.claimed(25) as begun:
            [inherited] = complete(begun, [self.record()]).artifacts
        derived = BuildDerive(platform="azure", from_state=25)
        builder.build = shared.client.derive_build(builder.build.number, derived)
        assert isinstance(builder.ask(25), Done)
        ceph.unlink()
        with builder.claimed(25) as again:
            assert again.attempt.build == builder.build.number
            assert again.attempt.reason == "artifact_gone"
            complete(again)
        assert shared.client.get_artifact(inherited.id).status == "quarantined"


class TestEffects:
    def test_an_effect_is_stopped_when_no_renewal_comes_through(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stale: list[StaleClaim] = []

        def away(*_: Any) -> Any:
            raise Unreachable("no answer")

        monkeypatch.setattr(worker.client, "heartbeat", away)
        checkpoint = worker.claimed(25, kind=Kind.CHECKPOINT, lease_seconds=1)
        effect = worker.claimed(60, kind=Kind.EFFECT, lease_seconds=1)
        effect.when_stale(stale.append)
        until(lambda: stale)
        assert (stale[0].code, effect.stale) == ("lease-running-out", stale[0])
        assert checkpoint.stale is None
        for each in (checkpoint, effect):
            each.__exit__(None, None, None)


class TestArtifacts:
    @pytest.fixture
    def artifact(self, worker: Worker) -> Artifact:
        with worker.claimed(25) as begun:
            [artifact] = complete(begun, [worker.blob("disk", "disk!")]).artifacts
        return artifact

    def test_a_pull_is_verified_and_cached(
        self, artifact: Artifact, other: Worker, tmp_path: Path
    ) -> None:
        first = other.artifacts.pull(artifact, tmp_path / "one", root=None)
        second = other.artifacts.pull(artifact, tmp_path / "two", root=None)
        third = other.artifacts.pull(artifact, tmp_path / "two", root=None)
        moved = [each.downloaded_bytes for each in (first, second, third)]
        assert moved == [5, 0, 0]
        assert (tmp_path / "two").read_text() == "disk!"

    def test_a_corrupt_one_is_taken_out_of_use_and_leaves_the_target_alone(
        self, artifact: Artifact, other: Worker, storage: Path, tmp_path: Path, shared: Service
    ) -> None:
        for path in storage.rglob("disk"):
            path.chmod(0o644)
            path.write_text("DISK!")
        (tmp_path / "here").write_text("mine")
        with pytest.raises(ArtifactLost) as lost:
            other.artifacts.pull(artifact, tmp_path / "here", root=None)
        assert (lost.value.reason, lost.value.state) == ("artifact_corrupt", 25)
        assert (tmp_path / "here").read_text() == "mine"
        assert shared.client.get_artifact(artifact.id).status == "quarantined"

    @pytest.mark.parametrize(
        ("recorded", "place"),
        [
            ("out/disk", "out/disk"),
            ("/etc/passwd", "disk"),
            ("../disk", "disk"),
            ("a/../../disk", "disk"),
            (".", "disk"),
            ("", "disk"),
            (7, "disk"),
            (None, "disk"),
        ],
    )
    def test_a_recorded_place_never_leads_out_of_the_workspace(
        self, recorded: object, place: str, artifact: Artifact
    ) -> None:
        changed = artifact.model_copy(update={"metadata": {"path": recorded}})
        assert str(place_of(changed)) == place


def test_every_error_of_an_attempt_is_one_for_people() -> None:
    for each in (Held, Refused, StaleClaim, Unreachable, ArtifactLost, ArtifactUnreachable):
        assert issubclass(each, BuildStateError)
