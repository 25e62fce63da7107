"""What holds for any history."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from buildstate_core.rules.attempts import settled
from buildstate_core.rules.claims import ClaimQuery, Granted, HeldByOther, Skipped, answer_claim
from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.plan import Planned, plan
from buildstate_core.rules.progress import Progress, progress, resume_point
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import (
    TRUNK,
    ArtifactKind,
    ArtifactStatus,
    AttemptStatus,
    Decision,
    Kind,
)

from .factories import NOW, STEADY, make_artifact, make_attempt, same_recipe

STATES = (5, 10, 25, 30, 40, 60, 100)


digests = st.sampled_from(["aa", "bb", None])
images = st.builds(
    make_artifact,
    digest=digests,
    status=st.sampled_from([ArtifactStatus.AVAILABLE] * 4 + list(ArtifactStatus)),
)
left_behind = st.one_of(
    st.just(()),
    st.tuples(images),
    st.tuples(images),
    st.just((make_artifact("value", kind=ArtifactKind.VALUE),)),
)
recorded_parts = st.dictionaries(
    st.sampled_from(["command", "param:os", "upstream:5", "upstream:10", "upstream:25"]),
    st.sampled_from(["aa", "bb"]),
    max_size=3,
)
ENDED = [AttemptStatus.COMPLETED] * 5 + [each for each in AttemptStatus if not each.is_live]


@st.composite
def histories(draw: st.DrawFn, lanes: tuple[str, ...] = ("", "", "eu", "us")) -> History:
    """Draw tries, each later than the one before; the last at a milestone may be live."""
    tries: dict[tuple[str, int], list[AttemptFact]] = {}
    milestones = st.tuples(st.sampled_from(lanes), st.sampled_from(STATES))
    in_order = draw(st.booleans())
    order = draw(st.lists(milestones, max_size=12))
    for minute, (lane, state) in enumerate(
        sorted(order, key=lambda m: m[1]) if in_order else order
    ):
        before = tries.setdefault((lane, state), [])
        if before and before[-1].status.is_live:
            continue
        status = draw(st.sampled_from([*ENDED, AttemptStatus.IN_PROGRESS]))
        attempt = make_attempt(
            state,
            lane=lane,
            number=len(before) + 1,
            minute=minute,
            status=status,
            kind=draw(st.sampled_from([None, None, *Kind])),
            is_claimed=draw(st.booleans()),
            lease_until_minute=draw(st.sampled_from([minute + 1, 1000])),
            fingerprint={
                part: value
                for part, value in draw(recorded_parts).items()
                if not part.startswith("upstream:") or int(part[9:]) < state
            },
            artifacts=draw(left_behind) if status is AttemptStatus.COMPLETED else (),
        )
        before.append(attempt)
    return History.of(each for attempts in tries.values() for each in attempts)


def newest(history: History, lane: str, state: int) -> AttemptFact | None:
    own = [each for each in history.attempts if (each.lane, each.state) == (lane, state)]
    return max(own, key=lambda each: each.as_of, default=None)


def where_is(history: History) -> Progress:
    return progress(history, last_state=100, required=(10,))


def plan_of(history: History) -> tuple[Planned, ...]:
    return plan(history, states=STATES, now=NOW)


@given(histories())
@STEADY
def test_the_frontier_is_never_beyond_the_peak(history: History) -> None:
    where = where_is(history)
    assert 0 <= where.frontier <= where.peak
    assert all(where.frontier <= each.frontier <= where.peak for each in where.lanes)


@given(histories(), st.randoms())
@STEADY
def test_equal_facts_give_equal_answers_whatever_their_order(
    history: History, random: Random
) -> None:
    other = History.of(random.sample(history.attempts, len(history.attempts)))
    assert plan_of(history) == plan_of(other)
    assert where_is(history) == where_is(other)
    for state in STATES:
        wish = ClaimQuery(state=state, lane="eu", recipe=Recipe(parts={}))
        assert answer_claim(history, wish, now=NOW) == answer_claim(other, wish, now=NOW)


@given(histories())
@STEADY
def test_work_resumes_from_a_checkpoint_with_nothing_broken_below(history: History) -> None:
    for lane in history.lanes or (TRUNK,):
        view = history.view(lane)
        found = resume_point(view)
        if found is not None:
            assert found.is_checkpoint
            assert not any(each.is_broken for state, each in view.items() if state < found.state)


def is_done_or_left_open(attempt: AttemptFact | None, reason: str) -> bool:
    """A report that was left open may be covered; what ended badly or is claimed never is."""
    if attempt is not None and attempt.status is AttemptStatus.IN_PROGRESS:
        return not attempt.is_claimed and reason.startswith("covered_by:")
    return attempt is not None and attempt.status.is_done


@given(histories())
@STEADY
def test_a_milestone_whose_newest_try_ended_badly_is_never_skipped(history: History) -> None:
    for row in plan_of(history):
        if row.decision in {Decision.SKIP, Decision.RESTORE}:
            assert row.attempt is not None
            last = newest(history, row.attempt.lane, row.state)
            assert is_done_or_left_open(last, row.reason)
    for lane in (TRUNK, "eu", "us"):
        for state in STATES:
            wish = ClaimQuery(state=state, lane=lane, recipe=Recipe(parts={}))
            answer = answer_claim(history, wish, now=NOW)
            if isinstance(answer, Skipped):
                assert is_done_or_left_open(newest(history, lane, state), answer.reason)


@given(histories())
@STEADY
def test_what_a_plan_skips_a_claim_skips(history: History) -> None:
    for row in plan_of(history):
        if row.decision not in {Decision.SKIP, Decision.RESTORE} or row.attempt is None:
            continue
        if row.attempt.kind is Kind.EPHEMERAL:
            continue  # a claim cannot know whether anything after it will run
        wish = ClaimQuery(state=row.state, lane=row.attempt.lane, recipe=same_recipe(row.attempt))
        answer = answer_claim(history, wish, now=NOW)
        assert isinstance(answer, Skipped), (row, answer)


@given(histories())
@STEADY
def test_the_first_milestone_to_run_starts_from_the_checkpoint_that_the_plan_restores(
    history: History,
) -> None:
    for lane in history.lanes or (TRUNK,):
        rows = [each for each in plan_of(history) if each.lane in {TRUNK, lane}]
        run = next(
            (
                each
                for each in rows
                if each.decision is Decision.RUN
                and not (each.attempt and each.attempt.kind is Kind.EPHEMERAL)
            ),
            None,
        )
        if run is None or run.lane != lane:
            continue  # the trunk runs it, not the lane
        restored = [each.attempt for each in rows if each.decision is Decision.RESTORE]
        wish = ClaimQuery(state=run.state, lane=lane, recipe=Recipe(parts={}))
        answer = answer_claim(history, wish, now=NOW)
        if isinstance(answer, Granted):
            assert all(each in restored for each in answer.restore)
            assert bool(answer.restore) == bool(restored) or lane != TRUNK


@given(histories())
@STEADY
def test_what_is_held_is_waited_for_and_nothing_else_is(history: History) -> None:
    for row in plan_of(history):
        if row.attempt is None or row.attempt.lane != row.lane:
            continue
        wish = ClaimQuery(state=row.state, lane=row.lane, recipe=Recipe(parts={}))
        is_held = isinstance(answer_claim(history, wish, now=NOW), HeldByOther)
        assert (row.decision is Decision.WAIT) == is_held


@given(histories())
@STEADY
def test_noticing_what_expired_changes_no_answer(history: History) -> None:
    noticed = settled(history, NOW)
    assert plan_of(noticed) == plan_of(history)
    for state in STATES:
        wish = ClaimQuery(state=state, lane="", recipe=Recipe(parts={}))
        before = answer_claim(history, wish, now=NOW)
        after = answer_claim(noticed, wish, now=NOW)
        assert type(before) is type(after)
        assert getattr(before, "reason", None) == getattr(after, "reason", None)
