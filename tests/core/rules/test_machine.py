"""No interleaving of workers, reports and expiries breaks what the rules promise.

Every decision is the rules'; the store does what they say and nothing else.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from support.store import Stale, Store

from buildstate_core.rules import attempts as attempts_module
from buildstate_core.rules import claims as claims_module
from buildstate_core.rules import skipping
from buildstate_core.rules.attempts import REPORTABLE, is_expired, settled
from buildstate_core.rules.claims import ClaimQuery, Granted, HeldByOther, Skipped
from buildstate_core.rules.facts import ArtifactFact, AttemptFact
from buildstate_core.rules.fingerprints import step_digest
from buildstate_core.rules.progress import progress
from buildstate_core.rules.recipes import Recipe
from buildstate_core.rules.skipping import Rerun, Skip
from buildstate_core.vocabulary import AttemptStatus, Kind

from .factories import make_artifact

MACHINE = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=250,
    stateful_step_count=40,
)
WITHOUT_SHRINKING = settings(MACHINE, phases=[Phase.generate], report_multiple_bugs=False)

workers = st.sampled_from(["A", "B", "C"])
lanes = st.sampled_from(["", "", "eu"])
states = st.sampled_from([10, 25, 50])
kinds = st.sampled_from([None, None, *Kind])
minutes = st.sampled_from([1, 3, 11])

Ended = tuple[AttemptStatus, object, object, Mapping[str, str], tuple[tuple[str, str | None], ...]]


def as_ended(attempt: AttemptFact) -> Ended:
    left = tuple((each.id, each.digest) for each in attempt.artifacts)
    return attempt.status, attempt.as_of, attempt.ended_at, attempt.fingerprint, left


class Workers(RuleBasedStateMachine):
    """Some workers, a pipeline that reports plainly, and a clock."""

    tokens = Bundle("tokens")

    @initialize()
    def begin(self) -> None:
        self.store = Store()
        self.machines: dict[str, set[str]] = {}
        self.peak = 0
        self.ended: dict[str, Ended] = {}
        self.stale: set[int] = set()
        self.versions = 0

    def tick(self) -> None:
        self.store.now += timedelta(seconds=1)

    def image(self, *, has_image: bool) -> tuple[ArtifactFact, ...]:
        self.versions += 1
        return (make_artifact(digest=f"sha256:{self.versions % 3}"),) if has_image else ()

    def newest(self, lane: str, state: int) -> AttemptFact | None:
        """Find the newest try by itself, as a check on how the rules see it."""
        tries = [
            each
            for each in self.store.attempts.values()
            if (each.lane, each.state) == (lane, state)
        ]
        return max(tries, key=lambda each: (each.as_of, each.id), default=None)

    @rule(
        target=tokens, worker=workers, lane=lanes, state=states, kind=kinds, version=st.booleans()
    )
    def claim(self, worker: str, lane: str, state: int, kind: Kind | None, version: bool) -> object:  # noqa: FBT001
        self.tick()
        held = self.machines.setdefault(worker, set())
        recipe = Recipe(kind=kind, parts={"command": str(version)})
        wish = ClaimQuery(state=state, lane=lane, recipe=recipe, machine=frozenset(held))
        answer = self.store.claim(wish)
        newest = self.newest(lane, state)
        if isinstance(answer, Skipped):
            assert newest is not None
            assert answer.attempt == newest
            # A report that was left open may be covered; what ended badly never is.
            was_left_open = newest.status is AttemptStatus.IN_PROGRESS and not newest.is_claimed
            assert newest.status is AttemptStatus.COMPLETED or was_left_open
            assert newest.unusable_artifact is None
        elif isinstance(answer, HeldByOther):
            held_by = answer.attempt
            assert held_by == self.newest(held_by.lane, held_by.state)
            assert held_by.state <= state
            assert held_by.status.is_live
            assert held_by.is_claimed
            assert not is_expired(held_by, self.store.now)
        elif isinstance(answer, Granted):
            over = answer.takes_over
            assert over is None or not over.is_claimed or is_expired(over, self.store.now)
            for restored in answer.restore:
                assert restored.is_checkpoint
                assert restored.state < state
                held.clear()
            return max(self.store.tokens)
        return multiple()

    @rule(token=tokens)
    def heartbeat(self, token: int) -> None:
        self.tick()
        self.attempt_with(token, lambda: self.store.heartbeat(token))

    @rule(token=consumes(tokens), worker=workers, has_image=st.booleans(), kind=kinds)
    def complete(self, token: int, worker: str, has_image: bool, kind: Kind | None) -> None:  # noqa: FBT001
        self.tick()
        artifacts = self.image(has_image=has_image)
        if self.attempt_with(
            token, lambda: self.store.complete(token, artifacts=artifacts, kind=kind)
        ):
            done = self.store.attempts[self.store.tokens[token]]
            self.machines.setdefault(worker, set()).add(step_digest(done))
            self.stale.add(token)

    @rule(token=consumes(tokens))
    def fail(self, token: int) -> None:
        self.tick()
        if self.attempt_with(token, lambda: self.store.fail(token)):
            self.stale.add(token)

    @rule(
        lane=lanes,
        state=states,
        status=st.sampled_from(REPORTABLE),
        minutes_ago=st.sampled_from([0, 0, 0, 2, 20]),
        has_image=st.booleans(),
    )
    def report(
        self,
        lane: str,
        state: int,
        status: AttemptStatus,
        minutes_ago: int,
        has_image: bool,  # noqa: FBT001
    ) -> None:
        self.tick()
        held = [
            each
            for each in self.store.attempts.values()
            if each.status.is_live and each.is_claimed and not is_expired(each, self.store.now)
        ]
        completed = status is AttemptStatus.COMPLETED
        self.store.report(
            state,
            status,
            self.store.now - timedelta(minutes=minutes_ago),
            lane=lane,
            artifacts=self.image(has_image=has_image and completed),
        )
        assert all(self.store.attempts[each.id] == each for each in held)

    @rule(which=st.integers(0, 10))
    def lose_an_artifact(self, which: int) -> None:
        self.tick()
        usable = [each for each in self.store.attempts.values() if each.is_checkpoint]
        if usable:
            self.store.quarantine(usable[which % len(usable)])

    @rule(by=minutes)
    def wait(self, by: int) -> None:
        self.store.now += timedelta(minutes=by)

    @rule(worker=workers)
    def start_on_an_empty_machine(self, worker: str) -> None:
        self.machines[worker] = set()

    @rule(artifacts=st.booleans())
    def a_stale_holder_speaks_up(self, artifacts: bool) -> None:  # noqa: FBT001
        self.store.settle()
        before = dict(self.store.attempts)
        for token in sorted(self.stale):
            with pytest.raises(Stale):
                self.store.heartbeat(token)
            with pytest.raises(Stale):
                self.store.fail(token)
            with pytest.raises(Stale):
                self.store.complete(token, artifacts=self.image(has_image=artifacts))
        assert self.store.attempts == before

    def attempt_with(self, token: int, write: Callable[[], None]) -> bool:
        """Let a holder write; its write counts if and only if it is the one live holder."""
        held = self.store.attempts[self.store.tokens[token]]
        is_holder = held.status.is_live and not is_expired(held, self.store.now)
        try:
            write()
        except Stale:
            assert not is_holder
            self.stale.add(token)
            return False
        assert is_holder
        assert token not in self.stale
        return True

    @invariant()
    def at_most_one_attempt_is_live_at_a_milestone(self) -> None:
        live = [each for each in self.store.attempts.values() if each.status.is_live]
        assert len({(each.lane, each.state) for each in live}) == len(live)

    @invariant()
    def a_live_attempt_is_the_newest(self) -> None:
        for each in self.store.attempts.values():
            if each.status.is_live:
                assert self.newest(each.lane, each.state) == each

    @invariant()
    def peak_never_falls_and_the_frontier_is_never_beyond_it(self) -> None:
        where = progress(self.store.history, last_state=100)
        assert where.peak >= self.peak
        assert where.frontier <= where.peak
        self.peak = where.peak

    @invariant()
    def what_has_ended_never_changes(self) -> None:
        now = {
            each.id: as_ended(each)
            for each in self.store.attempts.values()
            if not each.status.is_live
        }
        assert {each: now.get(each) for each in self.ended} == self.ended
        self.ended = now

    @invariant()
    def numbers_tell_the_tries_at_a_milestone_apart(self) -> None:
        tries = [(each.lane, each.state, each.number) for each in self.store.attempts.values()]
        assert len(set(tries)) == len(tries)


def test_no_interleaving_of_workers_reports_and_expiries_breaks_a_promise() -> None:
    run_state_machine_as_test(Workers, settings=MACHINE)


@pytest.mark.parametrize(
    ("module", "function", "broken"),
    [
        pytest.param(skipping, "why_not_recorded", lambda _attempt: None, id="skips what failed"),
        pytest.param(
            claims_module,
            "settled",
            lambda history, now: settled(history, now + timedelta(days=1)),
            id="takes a good lease away",
        ),
        pytest.param(
            claims_module,
            "judge",
            lambda view, state, _recipe, **_: (
                Skip("unchanged", view[state]) if state in view else Rerun("never_completed")
            ),
            id="skips everything",
        ),
        pytest.param(
            attempts_module,
            "HeldByClaim",
            attempts_module.Update,
            id="lets a report end a claim",
        ),
    ],
)
def test_a_broken_rule_would_be_noticed(
    monkeypatch: pytest.MonkeyPatch, module: object, function: str, broken: object
) -> None:
    monkeypatch.setattr(module, function, broken)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Workers, settings=WITHOUT_SHRINKING)
