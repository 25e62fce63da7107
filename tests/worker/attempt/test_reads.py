"""A done milestone of which it is compared what it was seen to read, before it is skipped."""

import pytest

from buildstate_core.errors import Refused
from buildstate_core.models import Claim, ClaimRequest, Complete, Discovered, Waive
from buildstate_core.vocabulary import Kind, Seen
from buildstate_worker.attempt import Done
from buildstate_worker.reads import Compared

from .workers import Worker, complete

HOSTS = Discovered(path="conf/hosts", what=Seen.FILE, digest="a" * 64)


@pytest.fixture
def read(worker: Worker) -> None:
    with worker.claimed(60, kind=Kind.GATE) as begun:
        done = Complete(token=begun.token, discovered=(HOSTS,))
        worker.client.complete(begun.attempt.id, done)
        begun.end()


def same(done: Done) -> Compared:
    return Compared(len(done.reads))


def changed(done: Done) -> Compared:
    return Compared(1, changed=done.reads[0].path)


@pytest.mark.usefixtures("read")
class TestReads:
    def test_what_is_the_same_is_skipped_and_says_what_was_compared(self, worker: Worker) -> None:
        done = worker.ask(60, kind=Kind.GATE, compare=same)
        assert isinstance(done, Done)
        assert [each.path for each in done.reads] == ["conf/hosts"]
        assert done.text.endswith("; compared: 1 file read last time")

    def test_what_has_changed_runs_again_and_says_what(self, worker: Worker) -> None:
        with worker.claimed(60, kind=Kind.GATE, compare=changed) as begun:
            assert begun.attempt.reason == "discovered_changed:conf/hosts"
            assert begun.claim.text == "conf/hosts, which it read, has changed"
            assert begun.claim.discovered == ()
            complete(begun)
        # The new attempt has read nothing, so that there is nothing to compare.
        assert isinstance(worker.ask(60, kind=Kind.GATE, compare=changed), Done)

    def test_what_has_changed_is_not_probed(self, worker: Worker) -> None:
        probed: list[Done] = []
        options = {"compare": changed, "probe": lambda done: probed.append(done) is None}
        with worker.claimed(60, kind=Kind.GATE, **options) as begun:
            assert probed == []
            complete(begun)

    def test_what_a_person_waived_is_not_compared(self, worker: Worker) -> None:
        worker.client.waive(worker.build.number, Waive(state=60, reason="by hand"))
        done = worker.ask(60, kind=Kind.GATE, compare=changed)
        assert isinstance(done, Done)
        assert done.reason == "waived"

    def test_a_service_that_does_not_hear_it_is_not_asked_for_ever(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        claim = worker.client.claim

        def deaf(build: str, request: ClaimRequest) -> Claim:
            return claim(build, request.model_copy(update={"refuted": None}))

        monkeypatch.setattr(worker.client, "claim", deaf)
        with pytest.raises(Refused, match="read conf/hosts, which has changed"):
            worker.ask(60, kind=Kind.GATE, compare=changed)
