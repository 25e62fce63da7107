from datetime import timedelta
from itertools import product

import pytest

from buildstate_core.rules.attempts import (
    REPORTABLE,
    TRANSITIONS,
    HeldByClaim,
    NewAttempt,
    Outdated,
    Placement,
    Update,
    is_expired,
    may_become,
    merged,
    place_report,
    settled,
)
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.vocabulary import AttemptStatus

from .factories import at, make_attempt, make_history

PENDING, IN_PROGRESS, COMPLETED, FAILED, LOST, CANCELLED, WAIVED = AttemptStatus


@pytest.mark.parametrize(
    ("old", "allowed"),
    [
        pytest.param(PENDING, {IN_PROGRESS, COMPLETED, FAILED, LOST, CANCELLED}, id="pending"),
        pytest.param(IN_PROGRESS, {COMPLETED, FAILED, LOST, CANCELLED}, id="in_progress"),
        pytest.param(COMPLETED, set(), id="completed"),
        pytest.param(FAILED, set(), id="failed"),
        pytest.param(LOST, set(), id="lost"),
        pytest.param(CANCELLED, set(), id="cancelled"),
        pytest.param(WAIVED, set(), id="waived"),
    ],
)
def test_an_attempt_moves_on_only_until_it_has_ended(
    old: AttemptStatus, allowed: set[AttemptStatus]
) -> None:
    assert {new for new in AttemptStatus if may_become(old, new)} == allowed


def test_every_status_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(AttemptStatus)


def test_a_report_never_says_what_is_the_services_or_a_persons_to_say() -> None:
    assert set(AttemptStatus) - set(REPORTABLE) == {LOST, WAIVED}


@pytest.mark.parametrize(
    ("old", "new"), [*product([PENDING, IN_PROGRESS], REPORTABLE)], ids=lambda each: each.value
)
def test_a_report_never_takes_a_live_attempt_a_step_back(
    old: AttemptStatus, new: AttemptStatus
) -> None:
    expected = IN_PROGRESS if (old, new) == (IN_PROGRESS, PENDING) else new
    assert merged(old, new) is expected


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        pytest.param(make_attempt(status=IN_PROGRESS, lease_until_minute=9.9), True, id="past"),
        pytest.param(make_attempt(status=IN_PROGRESS, lease_until_minute=10), True, id="just now"),
        pytest.param(make_attempt(status=IN_PROGRESS, lease_until_minute=10.1), False, id="left"),
        pytest.param(make_attempt(status=PENDING, lease_until_minute=9), True, id="pending"),
        pytest.param(make_attempt(status=COMPLETED, lease_until_minute=9), False, id="has ended"),
        pytest.param(make_attempt(status=IN_PROGRESS, is_claimed=False), False, id="a report"),
    ],
)
def test_a_live_claim_expires_when_its_lease_runs_out(
    attempt: AttemptFact, *, expected: bool
) -> None:
    assert is_expired(attempt, at(10)) is expected


def test_what_expired_is_lost_since_its_lease_ran_out_and_the_rest_is_kept() -> None:
    expired = make_attempt(25, status=IN_PROGRESS, minute=5, lease_until_minute=8)
    others = (
        make_attempt(10, status=IN_PROGRESS, minute=5, lease_until_minute=12),
        make_attempt(30, status=COMPLETED, minute=5, lease_until_minute=8),
        make_attempt(35, status=IN_PROGRESS, minute=5, is_claimed=False),
    )
    lost, *rest = settled(make_history(expired, *others), at(10)).attempts
    assert (lost.status, lost.ended_at, lost.as_of) == (LOST, at(8), at(8))
    assert tuple(rest) == others


def test_an_attempt_is_never_lost_before_what_is_known_of_it() -> None:
    expired = make_attempt(status=IN_PROGRESS, minute=9, lease_until_minute=8)
    (lost,) = settled(make_history(expired), at(10)).attempts
    assert lost.as_of == at(9)


ENDED_AT_5 = make_attempt(number=1, minute=5, is_claimed=False)
LIVE_AT_5 = make_attempt(number=1, minute=5, status=IN_PROGRESS, is_claimed=False)
LIVE_AT_8 = make_attempt(number=2, minute=8, status=IN_PROGRESS, is_claimed=False)
CLAIM_AT_5 = make_attempt(number=1, minute=5, status=IN_PROGRESS)
CLAIM_AT_8 = make_attempt(number=2, minute=8, status=IN_PROGRESS)


@pytest.mark.parametrize(
    ("status", "minute", "known", "expected"),
    [
        pytest.param(PENDING, 5, (), NewAttempt(1), id="the first report"),
        pytest.param(COMPLETED, 5, (), NewAttempt(1), id="completed without in_progress"),
        pytest.param(COMPLETED, 6, (LIVE_AT_5,), Update(LIVE_AT_5), id="ends a live attempt"),
        pytest.param(COMPLETED, 5, (LIVE_AT_5,), Update(LIVE_AT_5), id="at the same time"),
        pytest.param(
            COMPLETED, 4, (LIVE_AT_5,), NewAttempt(2), id="the end of an earlier try than the live"
        ),
        pytest.param(IN_PROGRESS, 6, (LIVE_AT_5,), Update(LIVE_AT_5), id="confirms a live attempt"),
        pytest.param(
            IN_PROGRESS, 4, (LIVE_AT_5,), Update(LIVE_AT_5), id="an earlier start of the live one"
        ),
        pytest.param(IN_PROGRESS, 6, (ENDED_AT_5,), NewAttempt(2), id="a retry"),
        pytest.param(FAILED, 6, (ENDED_AT_5,), NewAttempt(2), id="a retry that ended"),
        pytest.param(
            FAILED, 4, (ENDED_AT_5,), NewAttempt(2), id="an earlier try, heard of too late"
        ),
        pytest.param(
            IN_PROGRESS, 4, (ENDED_AT_5,), Outdated(ENDED_AT_5), id="the start comes late"
        ),
        pytest.param(
            IN_PROGRESS, 5, (ENDED_AT_5,), Outdated(ENDED_AT_5), id="started as it ended: no retry"
        ),
        pytest.param(
            IN_PROGRESS,
            4,
            (LIVE_AT_8, ENDED_AT_5),
            Outdated(ENDED_AT_5),
            id="a late start belongs to the try that ended after it",
        ),
        pytest.param(
            PENDING,
            6,
            (LIVE_AT_8, ENDED_AT_5),
            Update(LIVE_AT_8),
            id="a late start belongs to the live try that began after the last end",
        ),
        pytest.param(COMPLETED, 6, (CLAIM_AT_5,), HeldByClaim(CLAIM_AT_5), id="ends a claim: no"),
        pytest.param(IN_PROGRESS, 6, (CLAIM_AT_5,), HeldByClaim(CLAIM_AT_5), id="a claim is held"),
        pytest.param(COMPLETED, 4, (CLAIM_AT_5,), NewAttempt(2), id="a try before the claim"),
        pytest.param(
            IN_PROGRESS, 4, (CLAIM_AT_5,), Outdated(CLAIM_AT_5), id="a start before the claim"
        ),
        pytest.param(
            IN_PROGRESS,
            4,
            (CLAIM_AT_8, ENDED_AT_5),
            Outdated(ENDED_AT_5),
            id="a start before an end before a claim",
        ),
    ],
)
def test_a_report_is_placed_by_when_it_happened(
    status: AttemptStatus, minute: float, known: tuple[AttemptFact, ...], expected: Placement
) -> None:
    assert place_report(status, at(minute), known) == expected
    assert place_report(status, at(minute), reversed(known)) == expected


def test_an_older_report_never_changes_what_a_newer_one_said() -> None:
    newer = make_attempt(minute=5, status=FAILED, is_claimed=False)
    for status in REPORTABLE:
        placement = place_report(status, newer.as_of - timedelta(seconds=1), [newer])
        assert isinstance(placement, Outdated | NewAttempt)
