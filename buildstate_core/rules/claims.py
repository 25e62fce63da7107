"""What a worker that asks for a milestone is answered.

The whole contract of leases, tokens and fences is in docs/explanation/lease-contract.md, and what
happens where several machines work on one build in docs/explanation/several-machines.md.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from buildstate_core.rules import reasons
from buildstate_core.rules.attempts import settled
from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.fingerprints import step_digest, upstream_part, upstream_states
from buildstate_core.rules.freshness import lowest, stale_in
from buildstate_core.rules.machines import Missing, stand
from buildstate_core.rules.progress import resume_point
from buildstate_core.rules.reads import that_has_changed
from buildstate_core.rules.recipes import Recipe, builds_on, fingerprint, why_changed
from buildstate_core.rules.skipping import Rerun, Skip, judge
from buildstate_core.rules.underway import LOOKS_ON, in_the_way, with_settled_repeats
from buildstate_core.vocabulary import TRUNK, Kind


@dataclass(frozen=True, kw_only=True)
class ClaimQuery:
    """What a worker asks for when it claims a milestone.

    Attributes:
        state, lane: The milestone.
        recipe: What would run.
        machine: The digests of the steps that the working machine holds, or `None` if the worker
            does not say. A machine that is known not to hold what a step did to another one is
            refused.
        inside: The attempts that the caller itself runs inside of.
        is_rewound: Whether a later milestone has to start from before this one, so that no later
            checkpoint stands in for what it does to the machine.
        refuted: The attempt whose effect on the world a probe found to be gone; or of which the
            worker found that something it read has changed.
        changed_read: What it read and has changed; `None` if it was refuted by a probe.
        max_age_days: How long ago it may have been done; `None` for any time.
    """

    state: int
    lane: str
    recipe: Recipe
    machine: Collection[str] | None = None
    inside: Collection[str] = ()
    is_rewound: bool = False
    refuted: str | None = None
    changed_read: str | None = None
    max_age_days: int | None = None


@dataclass(frozen=True)
class Granted:
    """The worker may run it.

    Attributes:
        reason: Why it has to run.
        number: The new attempt's number.
        fingerprint: To be recorded with the attempt.
        identity: The digest of the step that it repeats unchanged; `None` if it repeats none.
        restore: The attempts whose artifacts the working machine has to hold first: those that the
            milestone says it consumes, or else the checkpoint before, unless the machine is beyond
            that.
        is_in_place: Whether what the machine has must not be undone: it holds a step since the
            checkpoint before, or this is set-up, which needs no machine in any state.
        compared_with: The attempt that it was compared with.
        takes_over: A live attempt that nobody vouches for any more, to be ended as lost: it was
            reported and left open, or its lease has run out.
    """

    reason: str
    number: int
    fingerprint: Mapping[str, str]
    identity: str | None = None
    restore: tuple[AttemptFact, ...] = ()
    is_in_place: bool = False
    compared_with: AttemptFact | None = None
    takes_over: AttemptFact | None = None


@dataclass(frozen=True)
class Skipped:
    """It is done.

    Attributes:
        is_resume_point: Whether it is the checkpoint that the next milestone continues from.
    """

    reason: str
    attempt: AttemptFact
    is_resume_point: bool


@dataclass(frozen=True)
class HeldByOther:
    """Another worker has it, or is at work on something below that it builds on."""

    attempt: AttemptFact


@dataclass(frozen=True)
class Inside:
    """The caller runs inside of an attempt that would have to end first."""

    attempt: AttemptFact


@dataclass(frozen=True)
class RunFirst:
    """Another milestone has to run on this machine before it.

    Attributes:
        state: That milestone's state.
        because: Its newest attempt; `None` if there is none.
        reason: Why the milestone that was asked for has to run at all; empty if it could be
            skipped, were it not for the other one.
        why: Why that milestone has to run first.
    """

    state: int
    because: AttemptFact | None
    reason: str = ""
    why: str = reasons.NEVER_COMPLETED


@dataclass(frozen=True)
class RequiresFirst:
    """The catalogue requires another state before it, which is not done.

    Attributes:
        state: The lowest such state.
        attempt: The newest attempt at it, if there was one.
        reason: Why the milestone that was asked for has to run at all.
    """

    state: int
    attempt: AttemptFact | None
    reason: str


@dataclass(frozen=True)
class Closed:
    """The build no longer takes any work, and this would be work."""

    reason: str


Answer = Granted | Skipped | HeldByOther | Inside | RunFirst | RequiresFirst | Closed


def answer_claim(
    history: History,
    query: ClaimQuery,
    *,
    now: datetime,
    requires: Collection[int] = (),
    is_closed: bool = False,
) -> Answer:
    """Answer a claim.

    Args:
        history: All attempts of the build; those whose lease ran out may still be live in it.
        query: What the worker asks for.
        now: The database's time.
        requires: The states that the catalogue requires before this one.
        is_closed: Whether the build is completed or cancelled.
    """
    claim = _Claim(history, query, settled(history, now), frozenset(requires), now)
    if is_closed:
        verdict = claim.verdict(is_closed=True)
        return claim.skipped(verdict) if isinstance(verdict, Skip) else Closed(verdict.reason)
    verdict = claim.verdict(is_closed=False)
    if isinstance(verdict, Skip) and verdict.reason == reasons.WAIVED:
        return claim.skipped(verdict)
    busy = claim.held()
    if busy is not None:
        return busy
    return claim.skip(verdict) if isinstance(verdict, Skip) else claim.work(verdict.reason)


class _Claim:
    """A claim, and what is recorded about the build that it is about.

    Args:
        history: The attempts, as recorded.
        query: What is asked for.
        known: The attempts, with those whose lease ran out settled.
        requires: The states that the catalogue requires before this one.
        now: The database's time.
    """

    def __init__(
        self,
        history: History,
        query: ClaimQuery,
        known: History,
        requires: frozenset[int],
        now: datetime,
    ) -> None:
        self._now = now
        self._history = history
        self._query = query
        self._known = known
        self._requires = requires
        self._newest = known.view(query.lane, begin=query.state)
        self._below = with_settled_repeats(
            known, {state: each for state, each in self._newest.items() if state < query.state}
        )
        repeated_above = with_settled_repeats(
            known,
            {
                state: each
                for state, each in self._newest.items()
                if state > query.state and _is_at_work(each)
            },
        )
        self._view = {**self._newest, **self._below, **repeated_above}

    def held(self) -> HeldByOther | Inside | None:
        """Return who is at work on it, or on something below that may change it."""
        inside = [each for each in self._newest.values() if each.id in self._query.inside]
        if inside:
            return Inside(inside[0])
        own = self._newest.get(self._query.state)
        if own is not None and _is_at_work(own):
            return HeldByOther(own)
        below = self._in_the_way(live=True)
        return None if below is None else HeldByOther(below)

    def verdict(self, *, is_closed: bool) -> Skip | Rerun:
        """Judge from the records, then by what only the worker knows."""
        query = self._query
        lanes = self._known.lanes if query.lane == TRUNK else ()
        branches = [with_settled_repeats(self._known, self._known.view(each)) for each in lanes]
        verdict = judge(
            self._view, query.state, query.recipe, branches=branches, is_closed=is_closed
        )
        if isinstance(verdict, Rerun):
            is_rewound = query.is_rewound and verdict.reason == reasons.NOT_RESTORABLE
            return Rerun(reasons.REWOUND) if is_rewound else verdict
        if verdict.attempt.id == query.refuted:
            return Rerun(_why_refuted(query))
        if not is_closed and _is_too_old(verdict, query, self._now):
            return Rerun(reasons.past_max_age(query.max_age_days or 0))
        if query.is_rewound and verdict.attempt.changed_a_machine_only:
            return Rerun(reasons.REWOUND)
        return verdict

    def skip(self, verdict: Skip) -> Skipped | RunFirst:
        """Skip it, unless something below has to run first."""
        made_from = upstream_states(verdict.attempt.fingerprint)
        first = _lowest(self._undone(), self._stale(made_from), self._void())
        if first is not None:
            return RunFirst(first.state, first.because, why=first.why)
        return self.skipped(verdict)

    def skipped(self, verdict: Skip) -> Skipped:
        """Return that it is done."""
        checkpoint = resume_point(self._view)
        is_resume_point = checkpoint is not None and checkpoint.state == self._query.state
        return Skipped(verdict.reason, verdict.attempt, is_resume_point)

    def work(self, reason: str) -> Granted | HeldByOther | RunFirst | RequiresFirst:
        """Grant what has to run, unless something else has to come first."""
        query, below = self._query, self._below
        required = min((each for each in self._requires if not _is_done(below, each)), default=None)
        if required is not None:
            return RequiresFirst(required, below.get(required), reason)
        is_setup = query.recipe.kind is Kind.EPHEMERAL
        repeated = [state for state in below if _is_at_work(self._newest[state])]
        base = None if is_setup else stand(below, query.machine, repeated=repeated)
        taken = builds_on(below, query.state, query.recipe)
        first = _lowest(
            self._undone(),
            self._stale([] if is_setup else [each.state for each in taken]),
            self._void(),
            base if isinstance(base, Missing) else None,
            self._not_there(),
        )
        if first is None:
            assert not isinstance(base, Missing)  # noqa: S101 - it would have come first
            return self._granted(reason, base, is_setup=is_setup)
        newest = self._newest.get(first.state)
        if newest is not None and _is_at_work(newest):
            return HeldByOther(newest)
        return RunFirst(first.state, first.because, reason, first.why)

    def _granted(self, reason: str, base: AttemptFact | None, *, is_setup: bool) -> Granted:
        query, held = self._query, self._held(base)
        own = self._history.view(query.lane, begin=query.state).get(query.state)
        has_changed = query.changed_read is not None
        made_from = fingerprint(held, query.state, query.recipe)
        if has_changed:
            made_from = that_has_changed(made_from)
        return Granted(
            reason=reason,
            number=1 + max((each.number for each in _tries(self._history, query)), default=0),
            fingerprint=made_from,
            identity=None if has_changed else self._identity(held),
            restore=_to_restore(self._below, base, query.recipe.consumes),
            is_in_place=is_setup or (base is not None and base.changed_a_machine_only),
            compared_with=self._newest.get(query.state),
            takes_over=own if own is not None and own.status.is_live else None,
        )

    def _identity(self, held: Mapping[int, AttemptFact]) -> str | None:
        """Return the digest of the completed step that it repeats unchanged."""
        state = self._query.state
        newest = with_settled_repeats(
            self._known, {at: each for at, each in self._newest.items() if at == state}
        )
        step = newest.get(state)
        if step is None or not (step.changed_a_machine_only and step.is_standing):
            return None
        if not step.fingerprint or why_changed(held, step, self._query.recipe) is not None:
            return None
        return step_digest(step)

    def _held(self, base: AttemptFact | None) -> Mapping[int, AttemptFact]:
        """Return what the machine holds: in place also what has been lost from storage since."""
        if base is None or not base.changed_a_machine_only:
            return self._view
        kept = {
            state: each.as_it_was_kept()
            for state, each in self._below.items()
            if state < base.state and each.unusable_artifact is not None
        }
        held = set(base.fingerprint.items())
        return {**self._view, **{at: kept[at] for at in kept if upstream_part(kept[at]) in held}}

    def _in_the_way(self, *, live: bool) -> AttemptFact | None:
        needed = {*self._requires, *(self._query.recipe.consumes or ())}
        return in_the_way(self._below, self._query.state, self._kind, needed=needed, live=live)

    @property
    def _kind(self) -> Kind | None:
        own = self._newest.get(self._query.state)
        return self._query.recipe.kind or (own.kind if own is not None else None)

    def _undone(self) -> Missing | None:
        """Return what was left undone below, if it has to end well first."""
        found = self._in_the_way(live=False)
        return None if found is None else Missing.of(found)

    def _stale(self, states: Iterable[int]) -> Missing | None:
        """Return what has to be made again first, if one of these states is stale."""
        found = lowest(stale_in(self._below), states)
        if found is None:
            return None
        return Missing(found.attempt.state, found.attempt, found.reason)

    def _void(self) -> Missing | None:
        """Return what has to look at the image, or tell of it, anew before an effect or a gate."""
        if self._kind not in LOOKS_ON:
            return None
        return self._stale([state for state, each in self._below.items() if each.kind in LOOKS_ON])

    def _not_there(self) -> Missing | None:
        """Return what it says it consumes, and is not there."""
        for state in sorted(self._query.recipe.consumes or ()):
            found = self._below.get(state)
            if found is None:
                return Missing(state, None, reasons.NEVER_COMPLETED)
            if not found.is_standing:
                return Missing.of(found)
        return None


def _lowest(*missing: Missing | None) -> Missing | None:
    found = [each for each in missing if each is not None]
    return min(found, key=lambda each: each.state, default=None)


def _why_refuted(query: ClaimQuery) -> str:
    if query.changed_read is None:
        return reasons.EFFECT_GONE
    return reasons.part_changed(f"discovered:{query.changed_read}")


def _is_too_old(verdict: Skip, query: ClaimQuery, now: datetime) -> bool:
    ended = verdict.attempt.ended_at
    if query.max_age_days is None or ended is None or verdict.reason == reasons.WAIVED:
        return False
    return now - ended > timedelta(days=query.max_age_days)


def _is_at_work(attempt: AttemptFact) -> bool:
    return attempt.status.is_live and attempt.is_claimed


def _tries(history: History, query: ClaimQuery) -> list[AttemptFact]:
    return [
        each
        for each in history.attempts
        if each.origin is None and (each.lane, each.state) == (query.lane, query.state)
    ]


def _to_restore(
    below: Mapping[int, AttemptFact], base: AttemptFact | None, consumes: Sequence[int] | None
) -> tuple[AttemptFact, ...]:
    """Return the attempts to restore: those it says it consumes, or the checkpoint it continues."""
    if consumes is not None:
        return tuple(below[state] for state in consumes)
    return () if base is None or base.changed_a_machine_only else (base,)


def _is_done(below: Mapping[int, AttemptFact], state: int) -> bool:
    return state in below and below[state].is_done
