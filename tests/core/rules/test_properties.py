"""What holds for any history and any order of events."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.store import Store

from buildstate_core.rules.attempts import REPORTABLE, settled
from buildstate_core.rules.claims import (
    ClaimQuery,
    Granted,
    HeldByOther,
    RunFirst,
    Skipped,
    answer_claim,
)
from buildstate_core.rules.facts import ArtifactFact, AttemptFact, History
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

from .factories import STEADY, at, make_artifact, make_attempt, same_recipe

STATES = (5, 10, 25, 30, 40, 60, 100)
NOW = at(60)

Numbers = tuple[int | None, int, int, int | None, str]
Told = tuple[str, int, AttemptStatus, int, bool]


def numbers(history: History) -> Numbers:
    where = progress(history, last_state=100, required=(10,))
    return where.current_state, where.frontier, where.peak, where.resume_from, where.status


# --- plain reports -----------------------------------------------------------------------------

told = st.tuples(
    st.sampled_from(["", "", "eu"]),
    st.sampled_from([10, 25, 100]),
    st.sampled_from(REPORTABLE),
    st.integers(0, 50),
    st.booleans(),
)


def tell(reports: list[Told]) -> Store:
    store = Store(now=NOW)
    for lane, state, status, minute, has_image in reports:
        left = (make_artifact(digest=f"sha256:{minute}"),) if has_image else ()
        artifacts = left if status is AttemptStatus.COMPLETED else ()
        store.report(state, status, at(minute), lane=lane, artifacts=artifacts)
    return store


@given(st.lists(told, max_size=8, unique_by=lambda each: each[3]), st.randoms())
@STEADY
def test_the_order_in_which_reports_arrive_does_not_matter(
    reports: list[Told], random: Random
) -> None:
    shuffled = random.sample(reports, len(reports))
    assert numbers(tell(reports).history) == numbers(tell(shuffled).history)


@given(st.lists(told, max_size=6, unique_by=lambda each: each[3]), st.randoms())
@STEADY
def test_a_report_that_arrives_twice_changes_nothing(reports: list[Told], random: Random) -> None:
    twice = random.sample(reports + reports, 2 * len(reports))
    assert numbers(tell(reports).history) == numbers(tell(twice).history)


@given(st.lists(told, max_size=8, unique_by=lambda each: each[3]))
@STEADY
def test_there_is_never_more_than_one_live_attempt_at_a_milestone(reports: list[Told]) -> None:
    live = [each for each in tell(reports).attempts.values() if each.status.is_live]
    assert len({(each.lane, each.state) for each in live}) == len(live)


@given(st.lists(told, max_size=10))
@STEADY
def test_peak_never_falls_whatever_is_reported(reports: list[Told]) -> None:
    peaks = [
        progress(tell(reports[:count]).history, last_state=100).peak
        for count in range(len(reports) + 1)
    ]
    assert peaks == sorted(peaks)


# --- any history -------------------------------------------------------------------------------

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


# --- whole builds ------------------------------------------------------------------------------

PIPELINE = (10, 20, 25, 30, 35, 40, 50)
"""The last one always leaves an image."""

Machine = tuple[tuple[int, int], ...]
"""What a machine went through: states and the version of their recipe."""


class Pipeline:
    """Builds an image from steps and checkpoints, with workers that fail or vanish on the way.

    An image is here the list of what went into it, so that a wrong one can be told from the right
    one.
    """

    def __init__(self, checkpoints: set[int], same_whatever_changed: set[int]) -> None:
        self.checkpoints = checkpoints | {PIPELINE[-1]}
        self.versions = dict.fromkeys(PIPELINE, 1)
        self.same_whatever_changed = same_whatever_changed
        self.store = Store(now=NOW)
        self.images: dict[str, Machine] = {}
        self.runs = 0

    def image_of(self, content: Machine) -> ArtifactFact:
        digest = hashlib.sha256(repr(content).encode()).hexdigest()
        self.images[digest] = content
        return make_artifact(digest=digest)

    def run(self, *, breaks_at: int | None = None, vanishes: bool = False) -> Machine | None:
        """Go through all states on an empty machine; give the image, or None if it was not made."""
        content: Machine = ()
        held: set[str] = set()
        image: Machine | None = None
        for state in PIPELINE:
            recipe = Recipe(parts={"param:version": str(self.versions[state])})
            wish = ClaimQuery(state=state, lane="", recipe=recipe, machine=frozenset(held))
            answer = self.store.claim(wish)
            self.store.now += timedelta(minutes=1)
            if isinstance(answer, Skipped):
                image = self.left_by(answer.attempt) or image
                continue
            if isinstance(answer, RunFirst):
                return None  # a skip proved wrong: rewinding is not the rules' part
            assert isinstance(answer, Granted)
            self.runs += 1
            token = max(self.store.tokens)
            for restored in answer.restore:
                content = self.left_by(restored) or ()
                held = {restored.id}
            if state == breaks_at:
                if vanishes:
                    self.store.now += timedelta(hours=1)
                else:
                    self.store.fail(token)
                return None
            content = (*content, (state, self.result(state)))
            artifacts = (self.image_of(content),) if state in self.checkpoints else ()
            self.store.complete(token, artifacts=artifacts)
            held.add(self.store.tokens[token])
            image = content if artifacts else image
        return image

    def left_by(self, attempt: AttemptFact) -> Machine | None:
        return next((self.images[each.digest or ""] for each in attempt.artifacts), None)

    def lose(self, state: int) -> None:
        attempt = self.store.history.view("").get(state)
        if attempt is not None and attempt.is_checkpoint:
            self.store.quarantine(attempt)

    def from_nothing(self) -> Machine:
        return tuple((state, self.result(state)) for state in PIPELINE)

    def result(self, state: int) -> int:
        return 0 if state in self.same_whatever_changed else self.versions[state]


@dataclass(frozen=True)
class Round:
    """What happens to a build before and while it runs once more."""

    changed: frozenset[int]
    lost: frozenset[int]
    breaks_at: int | None
    vanishes: bool

    def happen(self, pipeline: Pipeline) -> Machine | None:
        for state in self.changed:
            pipeline.versions[state] += 1
        for state in self.lost:
            pipeline.lose(state)
        return pipeline.run(breaks_at=self.breaks_at, vanishes=self.vanishes)


def rounds(*, may_change: bool) -> st.SearchStrategy[list[Round]]:
    some = st.frozensets(st.sampled_from(PIPELINE), max_size=2)
    each = st.builds(
        Round,
        changed=some if may_change else st.just(frozenset()),
        lost=some,
        breaks_at=st.sampled_from([None, *PIPELINE]),
        vanishes=st.booleans(),
    )
    return st.lists(each, max_size=4)


NOTHING_HAPPENS = Round(frozenset(), frozenset(), None, vanishes=False)
checkpoints = st.sets(st.sampled_from(PIPELINE), min_size=1)


@given(checkpoints, st.sets(st.sampled_from(PIPELINE)), rounds(may_change=True))
@settings(STEADY, max_examples=400)
def test_a_resumed_build_has_the_content_of_one_made_from_nothing(
    checkpoints: set[int], same_whatever_changed: set[int], happened: list[Round]
) -> None:
    pipeline = Pipeline(checkpoints, same_whatever_changed)
    for each in (NOTHING_HAPPENS, *happened, NOTHING_HAPPENS):
        image = each.happen(pipeline)
        assert image is None or image == pipeline.from_nothing()


@given(checkpoints, rounds(may_change=False))
@STEADY
def test_unless_a_recipe_changes_a_rerun_in_order_is_never_refused_and_then_has_nothing_to_do(
    checkpoints: set[int], happened: list[Round]
) -> None:
    pipeline = Pipeline(checkpoints, set())
    for each in happened:
        each.happen(pipeline)
    assert pipeline.run() == pipeline.from_nothing()
    before = pipeline.runs
    assert pipeline.run() == pipeline.from_nothing()
    assert pipeline.runs == before


@given(checkpoints)
@STEADY
def test_early_cut_off_runs_nothing_above_a_checkpoint_that_came_out_the_same(
    checkpoints: set[int],
) -> None:
    pipeline = Pipeline(checkpoints, set())
    pipeline.run()
    first = min(pipeline.checkpoints)
    pipeline.lose(first)
    before = pipeline.runs
    assert pipeline.run() == pipeline.from_nothing()
    assert pipeline.runs == before + PIPELINE.index(first) + 1


@pytest.mark.parametrize("breaks_at", PIPELINE)
@pytest.mark.parametrize("vanishes", [False, True], ids=["fails", "vanishes"])
def test_a_rerun_repeats_nothing_but_the_steps_since_the_last_checkpoint(
    breaks_at: int, *, vanishes: bool
) -> None:
    pipeline = Pipeline({10, 25, 40}, set())
    pipeline.run(breaks_at=breaks_at, vanishes=vanishes)
    done = pipeline.runs
    assert pipeline.run() == pipeline.from_nothing()
    kept = {10: 0, 20: 1, 25: 1, 30: 3, 35: 3, 40: 3, 50: 6}[breaks_at]
    assert pipeline.runs == done + len(PIPELINE) - kept
