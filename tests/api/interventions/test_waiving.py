"""Milestones that a person lets be skipped."""

from collections.abc import Callable
from typing import Any

import pytest
from support import Service

from buildstate_core.errors import Held
from buildstate_core.vocabulary import AttemptStatus

from .decisions import WHY, adopt, built, waive

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]


def test_a_waived_state_is_skipped_and_says_why(service: Service) -> None:
    build, _ = built(service, 10)
    attempt = waive(service, build, 25)
    assert (attempt.status, attempt.attempt, attempt.message) == ("waived", 1, WHY)
    claim = service.claim(build, 25)
    assert (claim.decision, claim.reason) == ("skip", "waived")
    assert service.client.get_build(build.number).frontier == 25


def test_a_state_that_failed_can_be_waived_and_its_history_stays(service: Service) -> None:
    build, _ = built(service, 10)
    service.fail(service.claim(build, 25))
    assert waive(service, build, 25).attempt == 2
    assert [each.status for each in service.client.history(build.number)] == [
        "completed",
        "failed",
        "waived",
    ]
    assert service.client.get_build(build.number).status == "in_progress"


def test_a_state_that_a_worker_has_is_not_waived_nor_adopted(service: Service) -> None:
    build, _ = built(service, 10)
    service.claim(build, 25, worker="packer-07")
    before = service.counts()
    for decide in (waive, adopt):
        with pytest.raises(Held, match="packer-07") as refused:
            decide(service, build, 25)
        assert (refused.value.holder, refused.value.field) == ("packer-07", "state")
        assert refused.value.until is not None
    assert service.counts() == before


def test_a_state_whose_worker_stopped_answering_can_be_waived(service: Service) -> None:
    build, _ = built(service, 10)
    service.expire(service.claim(build, 25).attempt.id)
    assert waive(service, build, 25).attempt == 2


def test_a_report_that_was_left_open_ends_when_a_person_decides(service: Service) -> None:
    build, _ = built(service, 10)
    service.report(build, 25, AttemptStatus.IN_PROGRESS)
    waive(service, build, 25)
    _, opened, _ = service.client.history(build.number)
    assert (opened.status, opened.message) == ("cancelled", f"settled by a person: {WHY}")


def test_of_a_claim_and_a_waiver_at_once_one_wins(service: Service, at_once: AtOnce) -> None:
    build, _ = built(service, 10)
    for state in range(20, 10, -1):

        def decide(which: int, state: int = state) -> str:
            if which:
                return service.claim(build, state).decision
            try:
                waive(service, build, state)
            except Held:
                return "held"
            return "waived"

        assert at_once(2, decide) in (["waived", "skip"], ["held", "run"])


def test_a_waiver_sent_twice_is_one(service: Service) -> None:
    build, _ = built(service, 10)
    path, body = f"/v1/builds/{build.number}/waive", {"state": 25, "reason": WHY}
    first, again = (
        service.request("POST", path, body, headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_decision_without_a_reason_is_refused(service: Service, reason: str) -> None:
    build, made = built(service, 10)
    for path, more in (
        (f"builds/{build.number}/waive", {"state": 25}),
        (f"builds/{build.number}/force", {"state": 25}),
        (f"builds/{build.number}/cancel", {}),
        (f"artifacts/{made[10].id}/revoke", {}),
    ):
        answer = service.request("POST", f"/v1/{path}", {"reason": reason, **more})
        assert (answer.status, answer.problem["field"]) == (422, "reason")
