"""Nothing stale is continued from, skipped above, or counted as done."""

from dataclasses import replace
from typing import Final

import pytest

from buildstate_core.rules.claims import Answer, Granted, RunFirst, Skipped
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.fingerprints import step_digest, unverified, with_verified
from buildstate_core.rules.freshness import stale_in
from buildstate_core.rules.progress import progress, resume_point
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import ArtifactKind, AttemptStatus, BuildStatus, Kind

from .claiming import FAILED, claim
from .factories import (
    at,
    checkpoint,
    lost_checkpoint,
    make_artifact,
    make_attempt,
    make_history,
    make_recipe,
    view_of,
)

OLD_BASE: Final = checkpoint(20)
NEW_BASE: Final = checkpoint(20, number=2, minute=60, digest="sha256:other")
SAME_BASE: Final = checkpoint(20, number=2, minute=60)
STEP: Final = make_attempt(25, fingerprint={"upstream:20": "sha256:20"})
IMAGE: Final = checkpoint(
    50, fingerprint={"upstream:20": "sha256:20", "upstream:25": step_digest(STEP)}
)
PUBLISHED: Final = make_attempt(100, kind=Kind.EFFECT, fingerprint={"upstream:50": "sha256:50"})
CHAIN: Final = (OLD_BASE, STEP, IMAGE, PUBLISHED)
PUBLISH: Final = make_recipe(kind=Kind.EFFECT)


def first(answer: Answer) -> tuple[int, str]:
    assert isinstance(answer, RunFirst), answer
    return answer.state, answer.why


class TestWhatIsStale:
    @pytest.mark.parametrize(
        ("attempts", "stale"),
        [
            pytest.param(CHAIN, {}, id="nothing was made anew"),
            pytest.param((*CHAIN, SAME_BASE), {}, id="it was made anew, and came out the same"),
            pytest.param(
                (*CHAIN, NEW_BASE),
                {25: 25, 50: 25, 100: 25},
                id="all above what came out otherwise",
            ),
            pytest.param(
                (OLD_BASE, checkpoint(50, fingerprint={}), NEW_BASE),
                {},
                id="what nothing is known of",
            ),
            pytest.param(
                (*CHAIN, make_attempt(30, minute=60, fingerprint={"command": "aa"})),
                {50: 50, 100: 50},
                id="a step was put in between",
            ),
            pytest.param(
                (*CHAIN[:2], replace(IMAGE, status=FAILED), NEW_BASE),
                {25: 25},
                id="what ended without success has no result",
            ),
        ],
    )
    def test_the_lowest_that_makes_it_so_is_known(
        self, attempts: tuple[AttemptFact, ...], stale: dict[int, int]
    ) -> None:
        found = stale_in(view_of(*attempts))
        assert {state: each.attempt.state for state, each in found.items()} == stale


class TestWhatIsContinuedFrom:
    def test_a_step_on_the_machine_that_was_made_of_an_older_checkpoint(self) -> None:
        held = (step_digest(STEP),)
        answer = claim(OLD_BASE, STEP, NEW_BASE, state=30, machine=held)
        assert first(answer) == (25, "upstream_changed:20")

    def test_a_checkpoint_that_was_made_of_an_older_one(self) -> None:
        answer = claim(OLD_BASE, STEP, IMAGE, NEW_BASE, state=100, recipe=PUBLISH, machine=())
        assert first(answer) == (25, "upstream_changed:20")

    def test_what_is_taken_by_name(self) -> None:
        answer = claim(*CHAIN, NEW_BASE, state=60, recipe=make_recipe(consumes=(50,)))
        assert first(answer) == (25, "upstream_changed:20")

    def test_what_is_below_it_and_not_taken_does_not_matter(self) -> None:
        recipe = make_recipe(consumes=(20,))
        answer = claim(
            OLD_BASE, checkpoint(40, fingerprint={"upstream:20": "x"}), state=60, recipe=recipe
        )
        assert isinstance(answer, Granted)

    def test_set_up_needs_nothing(self) -> None:
        answer = claim(*CHAIN, NEW_BASE, state=60, recipe=make_recipe(kind=Kind.EPHEMERAL))
        assert isinstance(answer, Granted)

    def test_what_came_out_the_same_may_be(self) -> None:
        answer = claim(*CHAIN[:3], SAME_BASE, state=100, recipe=PUBLISH, machine=())
        assert isinstance(answer, Granted)
        assert answer.restore == (IMAGE,)


class TestWhatIsRecorded:
    def test_in_place_it_is_what_the_machine_holds_be_it_still_kept_or_not(self) -> None:
        lost, earlier = lost_checkpoint(20), checkpoint(10)
        answer = claim(earlier, lost, STEP, state=30, machine=(step_digest(STEP),))
        assert isinstance(answer, Granted)
        assert answer.is_in_place
        assert answer.fingerprint == IMAGE.fingerprint | make_recipe().parts

    def test_not_what_was_made_after_it_and_lost(self) -> None:
        (artifact,) = lost_checkpoint(20).artifacts
        lost = replace(NEW_BASE, artifacts=(replace(artifact, digest="sha256:other"),))
        answer = claim(OLD_BASE, STEP, lost, state=30, machine=(step_digest(STEP),))
        assert isinstance(answer, Granted)
        assert "upstream:20" not in answer.fingerprint


class TestWhatIsSkipped:
    def test_nothing_above_what_is_stale(self) -> None:
        assert first(claim(*CHAIN, NEW_BASE, state=100, recipe=PUBLISH)) == (
            25,
            "upstream_changed:20",
        )

    def test_what_a_closed_build_delivered(self) -> None:
        answer = claim(*CHAIN, NEW_BASE, state=100, recipe=PUBLISH, is_closed=True)
        assert isinstance(answer, Skipped)

    def test_a_state_that_was_waived_is_not_waited_for(self) -> None:
        """As the refusal says of a state that is not in the pipeline any more."""
        waived = make_attempt(25, number=2, minute=70, status=AttemptStatus.WAIVED)
        answer = claim(*CHAIN, NEW_BASE, waived, state=50)
        assert isinstance(answer, Granted)
        assert answer.reason == "upstream_changed:20"


class TestWhereABuildStands:
    def test_what_is_stale_does_not_count_as_done(self) -> None:
        where = progress(make_history(*CHAIN, NEW_BASE), last_state=100)
        assert (where.frontier, where.resume_from, where.peak) == (20, 20, 100)
        assert where.status is BuildStatus.IN_PROGRESS

    def test_a_build_does_not_close_on_a_stale_delivery(self) -> None:
        late = replace(PUBLISHED, number=2, as_of=at(70), ended_at=at(70))
        where = progress(make_history(*CHAIN, NEW_BASE, late), last_state=100)
        assert where.status is BuildStatus.IN_PROGRESS

    def test_it_closes_if_that_came_out_the_same(self) -> None:
        late = replace(PUBLISHED, number=2, as_of=at(70), ended_at=at(70))
        where = progress(make_history(*CHAIN, SAME_BASE, late), last_state=100)
        assert where.status is BuildStatus.COMPLETED

    def test_what_was_delivered_stays_so(self) -> None:
        history = make_history(*CHAIN, NEW_BASE)
        where = progress(history, last_state=100, is_delivered=True)
        assert (where.status, where.frontier) == (BuildStatus.COMPLETED, 100)

    def test_a_rerun_continues_from_what_is_fresh(self) -> None:
        point = resume_point(view_of(*CHAIN, NEW_BASE))
        assert point == NEW_BASE


ONCE: Final = {"command": "aa", "param:os": "bb", "input:hosts": "cc", "upstream:20": "sha256:20"}
OWN: Final = {part: digest for part, digest in ONCE.items() if part != "upstream:20"}


def judged(recipe: Recipe, kind: Kind | None = None) -> str:
    earlier = checkpoint(10)
    done = checkpoint(50, fingerprint=ONCE, kind=kind)
    answer = claim(earlier, OLD_BASE, done, state=50, recipe=recipe)
    assert isinstance(answer, Granted | Skipped)
    return answer.reason


def without(part: str) -> dict[str, str]:
    return {each: digest for each, digest in OWN.items() if each != part}


class TestWhatIsDeclaredOnOneSide:
    @pytest.mark.parametrize(
        ("recipe", "reason"),
        [
            pytest.param(make_recipe(parts=OWN), "unchanged", id="the same"),
            pytest.param(
                make_recipe(parts=without("param:os")),
                "recipe_changed:param:os",
                id="a parameter is dropped",
            ),
            pytest.param(
                make_recipe(parts={**OWN, "param:arch": "dd"}),
                "recipe_changed:param:arch",
                id="a parameter is added",
            ),
            pytest.param(
                make_recipe(parts=without("input:hosts")),
                "input_removed:hosts",
                id="an input is dropped",
            ),
            pytest.param(
                make_recipe(parts={**OWN, "input:users": "dd"}),
                "input_added:users",
                id="an input is added",
            ),
            pytest.param(
                make_recipe(parts={**OWN, "stdin": "dd"}),
                "unchanged",
                id="a part that an older release did not record",
            ),
            pytest.param(
                make_recipe(parts={}), "unchanged", id="nothing is said of what would run"
            ),
            pytest.param(
                make_recipe(parts=OWN, consumes=(10,)),
                "upstream_changed:20",
                id="what it is built on is dropped",
            ),
        ],
    )
    def test_it_is_a_change(self, recipe: Recipe, reason: str) -> None:
        assert judged(recipe) == reason

    @pytest.mark.parametrize(
        ("then", "now", "is_changed"),
        [
            (None, Kind.EFFECT, False),
            (Kind.CHECKPOINT, None, False),
            (Kind.CHECKPOINT, Kind.CHECKPOINT, False),
            (Kind.CHECKPOINT, Kind.EFFECT, True),
            (Kind.CHECKPOINT, Kind.STEP, True),
            (Kind.EFFECT, Kind.EFFECT, False),
            (Kind.EFFECT, None, True),
            (Kind.GATE, None, True),
            (Kind.EPHEMERAL, None, True),
        ],
    )
    def test_so_is_a_kind(self, then: Kind | None, now: Kind | None, *, is_changed: bool) -> None:
        reason = judged(make_recipe(parts=OWN, kind=now), then)
        assert (reason == "recipe_changed:kind") == is_changed


class TestValuesOnly:
    """A milestone that leaves values only is a step for the machine."""

    @pytest.fixture
    def step(self) -> AttemptFact:

        value = make_artifact("value", digest="sha256:v", kind=ArtifactKind.VALUE)
        return replace(STEP, artifacts=(value,))

    def test_it_runs_again_where_nothing_covers_it(self, step: AttemptFact) -> None:
        answer = claim(OLD_BASE, step, state=25, machine=())
        assert isinstance(answer, Granted)
        assert (answer.reason, answer.restore) == ("not_restorable", (OLD_BASE,))

    def test_it_is_skipped_if_a_checkpoint_includes_it(self, step: AttemptFact) -> None:
        answer = claim(OLD_BASE, step, IMAGE, state=25)
        assert isinstance(answer, Skipped)
        assert answer.reason == "covered_by:50"

    def test_what_follows_needs_it_on_its_machine(self, step: AttemptFact) -> None:
        recipe = make_recipe(consumes=(20, 25))
        assert first(claim(OLD_BASE, step, state=50, recipe=recipe, machine=())) == (
            25,
            "not_on_this_machine",
        )
        answer = claim(OLD_BASE, step, state=50, recipe=recipe, machine=(step_digest(step),))
        assert isinstance(answer, Granted)
        assert answer.is_in_place

    def test_who_takes_the_value_is_built_on_it_as_well(self, step: AttemptFact) -> None:
        recipe = make_recipe(consumes=(20, 25))
        held = (step_digest(step),)
        answer = claim(OLD_BASE, step, state=50, recipe=recipe, machine=held)
        assert isinstance(answer, Granted)
        assert answer.fingerprint["upstream:25"] == f"{step_digest(step)};sha256:v"
        done = checkpoint(50, fingerprint=answer.fingerprint)
        again = claim(OLD_BASE, step, done, state=50, recipe=recipe, machine=held)
        assert isinstance(again, Skipped)

    def test_another_value_is_a_change_for_who_takes_it_alone(self, step: AttemptFact) -> None:
        taking = make_recipe(consumes=(20, 25))
        held = (step_digest(step),)
        for recipe, reason in ((taking, "upstream_changed:25"), (make_recipe(), "unchanged")):
            granted = claim(OLD_BASE, step, state=50, recipe=recipe, machine=held)
            assert isinstance(granted, Granted)
            done = checkpoint(50, fingerprint=granted.fingerprint)
            value = replace(step.artifacts[0], digest="sha256:w")
            again = replace(step, number=2, as_of=at(70), ended_at=at(70), artifacts=(value,))
            answer = claim(OLD_BASE, step, done, again, state=50, recipe=recipe, machine=held)
            assert isinstance(answer, Granted | Skipped)
            assert answer.reason == reason


class TestBytesThatNobodyHasVerified:
    AT: Final = unverified("file:///images/base.img")

    @pytest.mark.parametrize(
        ("minute", "digest", "reason"),
        [
            pytest.param(20, AT, "unchanged", id="as recorded"),
            pytest.param(60, AT, "upstream_changed:20", id="recorded anew at the same place"),
            pytest.param(20, "sha256:aa", "upstream_changed:20", id="verified by somebody since"),
        ],
    )
    def test_they_are_known_by_their_place(self, minute: float, digest: str, reason: str) -> None:
        base = checkpoint(20, minute=minute, digest=digest, is_claimed=False)
        done = checkpoint(50, fingerprint={"upstream:20": self.AT})
        answer = claim(base, done, state=50)
        assert isinstance(answer, Granted | Skipped)
        assert answer.reason == reason

    def test_who_has_verified_them_knows_what_it_was_built_on(self) -> None:
        once = {"command": "aa", "upstream:10": "sha256:10", "upstream:20": self.AT}
        since = [checkpoint(10, digest="sha256:other"), checkpoint(20, digest="sha256:aa")]
        assert with_verified(once, since) == once | {"upstream:20": "sha256:aa"}
