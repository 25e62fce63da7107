"""What a worker that asks for a milestone is answered.

The whole contract of leases, tokens and fences is in docs/explanation/lease-contract.md.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from buildstate_core.rules import reasons
from buildstate_core.rules.attempts import is_expired, settled
from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.progress import resume_point
from buildstate_core.rules.recipes import Recipe, fingerprint
from buildstate_core.rules.skipping import Rerun, Skip, judge
from buildstate_core.vocabulary import TRUNK, Kind


@dataclass(frozen=True, kw_only=True)
class ClaimQuery:
    """What a worker asks for when it claims a milestone.

    Attributes:
        state, lane: The milestone.
        recipe: What would run.
        machine: The attempts whose results the working machine already holds, or `None` if the
            worker does not say. A machine that is known not to hold what a step did to another
            one is refused.
        is_rewound: Whether a later milestone has to start from before this one, so that no later
            checkpoint stands in for what it does to the machine.
        refuted: The attempt whose effect on the world a probe found to be gone.
    """

    state: int
    lane: str
    recipe: Recipe
    machine: Collection[str] | None = None
    is_rewound: bool = False
    refuted: str | None = None


@dataclass(frozen=True)
class Granted:
    """The worker may run it.

    Attributes:
        reason: Why it has to run.
        number: The new attempt's number.
        fingerprint: To be recorded with the attempt.
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
    """Another worker has it."""

    attempt: AttemptFact


@dataclass(frozen=True)
class RunFirst:
    """Another milestone has to run on this machine before it.

    Attributes:
        state: That milestone's state.
        because: The attempt that is lost to this machine; `None` if there is none.
        reason: Why the milestone that was asked for has to run at all.
    """

    state: int
    because: AttemptFact | None
    reason: str = ""


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


Answer = Granted | Skipped | HeldByOther | RunFirst | RequiresFirst | Closed


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
    current = history.view(query.lane, begin=query.state).get(query.state)
    live = current if current is not None and current.status.is_live else None
    if live is not None and live.is_claimed and not is_expired(live, now):
        return HeldByOther(live)
    known = settled(history, now)
    view = known.view(query.lane, begin=query.state)
    verdict = _verdict(known, view, query, is_closed=is_closed)
    if isinstance(verdict, Skip):
        checkpoint = resume_point(view)
        is_resume_point = checkpoint is not None and checkpoint.state == query.state
        return Skipped(verdict.reason, verdict.attempt, is_resume_point)
    if is_closed:
        return Closed(verdict.reason)
    return _work(history, view, query, verdict.reason, live=live, requires=requires)


def _work(
    history: History,
    view: Mapping[int, AttemptFact],
    query: ClaimQuery,
    reason: str,
    *,
    live: AttemptFact | None,
    requires: Collection[int],
) -> Granted | RunFirst | RequiresFirst:
    """Grant what has to run, unless something else has to come first."""
    below = {state: each for state, each in view.items() if state < query.state}
    required = min((each for each in requires if not _is_done(below, each)), default=None)
    if required is not None:
        return RequiresFirst(required, below.get(required), reason)
    is_setup = query.recipe.kind is Kind.EPHEMERAL
    base = None if is_setup else _base(below, query.machine, undone=_undone(history, below))
    if isinstance(base, RunFirst):
        return replace(base, reason=reason)
    consumes = query.recipe.consumes
    missing = next((each for each in consumes or () if not _stands(below, each)), None)
    if missing is not None:
        return RunFirst(missing, below.get(missing), reason)
    return Granted(
        reason=reason,
        number=1 + max((each.number for each in _tries(history, query)), default=0),
        fingerprint=fingerprint(view, query.state, query.recipe),
        restore=_to_restore(below, base, consumes),
        is_in_place=is_setup or (base is not None and base.changed_a_machine_only),
        compared_with=view.get(query.state),
        takes_over=live,
    )


def _verdict(
    known: History, view: Mapping[int, AttemptFact], query: ClaimQuery, *, is_closed: bool
) -> Skip | Rerun:
    """Judge from the records, then by what only the worker knows."""
    lanes = known.lanes if query.lane == TRUNK else ()
    branches = [known.view(lane) for lane in lanes]
    verdict = judge(view, query.state, query.recipe, branches=branches, is_closed=is_closed)
    if isinstance(verdict, Rerun):
        is_rewound = query.is_rewound and verdict.reason == reasons.NOT_RESTORABLE
        return Rerun(reasons.REWOUND) if is_rewound else verdict
    if verdict.attempt.id == query.refuted:
        return Rerun(reasons.EFFECT_GONE)
    if query.is_rewound and verdict.attempt.changed_a_machine_only:
        return Rerun(reasons.REWOUND)
    return verdict


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


def _undone(history: History, below: Mapping[int, AttemptFact]) -> set[int]:
    """Return the states that were done, then tried again without success: others rely on them."""
    done = {
        (each.lane, each.state)
        for each in history.attempts
        if each.changed_a_machine_only or each.is_checkpoint
    }
    return {
        state
        for state, each in below.items()
        if each.ended_unsuccessfully and each.is_claimed and (each.lane, state) in done
    }


def _base(
    below: Mapping[int, AttemptFact],
    machine: Collection[str] | None,
    *,
    undone: Collection[int] = (),
) -> AttemptFact | RunFirst | None:
    """Return where the machine has to be: at a step that it holds, or at a checkpoint.

    A checkpoint is always put back, which moves nothing if it is there unchanged: a workspace is
    not trusted. Only a step, which leaves nothing to put back, is taken on the machine's word.
    """
    steps: list[AttemptFact] = []
    for _, attempt in sorted(below.items(), reverse=True):
        if attempt.unusable_artifact is not None or attempt.is_forced or attempt.state in undone:
            return RunFirst(attempt.state, attempt)
        if attempt.is_checkpoint:
            return _unless_stepped(steps, machine) or attempt
        if attempt.changed_a_machine_only:
            if machine is not None and attempt.id in machine:
                return _unless_stepped(steps, machine) or attempt
            steps.append(attempt)
    return _unless_stepped(steps, machine)


def _stands(below: Mapping[int, AttemptFact], state: int) -> bool:
    return state in below and below[state].is_standing


def _is_done(below: Mapping[int, AttemptFact], state: int) -> bool:
    return state in below and below[state].is_done


def _unless_stepped(steps: list[AttemptFact], machine: Collection[str] | None) -> RunFirst | None:
    """Refuse a machine that lacks what claimed steps did; reported ones are not ours to judge."""
    claimed = [each for each in steps if each.is_claimed]
    if machine is None or not claimed:
        return None
    return RunFirst(claimed[-1].state, claimed[-1])
