"""What holds for whole builds, resumed and changed again and again."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.store import Store

from buildstate_core.rules.claims import ClaimQuery, Granted, RunFirst, Skipped
from buildstate_core.rules.facts import ArtifactFact, AttemptFact
from buildstate_core.rules.fingerprints import step_digest
from buildstate_core.rules.recipes import Recipe

from .factories import NOW, STEADY, make_artifact

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
                held = set()
            if state == breaks_at:
                if vanishes:
                    self.store.now += timedelta(hours=1)
                else:
                    self.store.fail(token)
                return None
            content = (*content, (state, self.result(state)))
            artifacts = (self.image_of(content),) if state in self.checkpoints else ()
            self.store.complete(token, artifacts=artifacts)
            held.add(step_digest(self.store.attempts[self.store.tokens[token]]))
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
