"""A done milestone that is probed before it is skipped."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from support import Service, image

from buildstate_core.errors import Refused
from buildstate_core.models import Build, Claim, ClaimRequest, Waive
from buildstate_core.vocabulary import Kind
from buildstate_worker.attempt import Done

from .workers import Worker, complete, told


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
