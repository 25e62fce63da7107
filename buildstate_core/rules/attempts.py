"""How one try at a milestone moves on, and where a report about it belongs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from buildstate_core.rules.facts import AttemptFact, History
from buildstate_core.rules.fingerprints import step_digest
from buildstate_core.vocabulary import AttemptStatus

_S = AttemptStatus

TRANSITIONS: Final = {
    _S.PENDING: frozenset({_S.IN_PROGRESS, _S.COMPLETED, _S.FAILED, _S.LOST, _S.CANCELLED}),
    _S.IN_PROGRESS: frozenset({_S.COMPLETED, _S.FAILED, _S.LOST, _S.CANCELLED}),
    _S.COMPLETED: frozenset[AttemptStatus](),
    _S.FAILED: frozenset[AttemptStatus](),
    _S.LOST: frozenset[AttemptStatus](),
    _S.CANCELLED: frozenset[AttemptStatus](),
    _S.WAIVED: frozenset[AttemptStatus](),
}
"""From each status to those that may follow. An attempt that ended never changes again."""

REPORTABLE: Final = (_S.PENDING, _S.IN_PROGRESS, _S.COMPLETED, _S.FAILED, _S.CANCELLED)
"""What a plain report may say. `lost` is the service's to find, `waived` a person's decision."""


def may_become(old: AttemptStatus, new: AttemptStatus) -> bool:
    """Return whether an attempt may go from one status to another."""
    return new in TRANSITIONS[old]


def merged(old: AttemptStatus, new: AttemptStatus) -> AttemptStatus:
    """Return a live attempt's status after a report; a step back to pending changes nothing."""
    return new if may_become(old, new) else old


def is_expired(attempt: AttemptFact, now: datetime) -> bool:
    """Return whether a live claim's lease has run out, by the database's clock."""
    return attempt.status.is_live and attempt.lease_until is not None and attempt.lease_until <= now


def settled(history: History, now: datetime) -> History:
    """Return the history with every claim whose lease has run out marked as lost.

    The time of the loss is the end of the lease, not when it is noticed, so that a report from in
    between counts as newer. A step that repeats another one is marked with when that was done.
    """
    return History.of(
        replace(
            each,
            status=AttemptStatus.LOST,
            ended_at=each.lease_until,
            as_of=max(each.as_of, each.lease_until),
        )
        if each.lease_until is not None and is_expired(each, now)
        else each
        for each in _with_first_times(history.attempts)
    )


def _with_first_times(attempts: Sequence[AttemptFact]) -> Iterator[AttemptFact]:
    """Yield attempts; those that repeat a step unchanged with when the same was done first."""
    repeated = {(each.lane, each.state) for each in attempts if each.identity is not None}
    first: dict[tuple[str, int, str], datetime] = {}
    for each in attempts:
        if (each.lane, each.state) in repeated and each.status is _S.COMPLETED and each.ended_at:
            key = (each.lane, each.state, step_digest(each))
            first[key] = min(first.get(key, each.ended_at), each.ended_at)
    for each in attempts:
        if each.identity is None:
            yield each
        else:
            yield replace(each, done_since=first.get((each.lane, each.state, each.identity)))


@dataclass(frozen=True)
class NewAttempt:
    """The report is about a try that is not recorded yet."""

    number: int


@dataclass(frozen=True)
class Update:
    """The report moves a live attempt on, or confirms it.

    Its status becomes the `merged` one, and its `as_of` the later of its own and the report's.
    """

    attempt: AttemptFact


@dataclass(frozen=True)
class Outdated:
    """Something newer is known; the report changes nothing but may fill in a start time."""

    attempt: AttemptFact


@dataclass(frozen=True)
class HeldByClaim:
    """A worker holds the milestone under a claim, and only that claim may end it."""

    attempt: AttemptFact


Placement = NewAttempt | Update | Outdated | HeldByClaim


def place_report(status: AttemptStatus, at: datetime, attempts: Iterable[AttemptFact]) -> Placement:
    """Decide what a plain report about a milestone does to its attempts.

    Reports may arrive twice and out of order. Whatever the order, what is known in the end is
    the same, and an older report never overwrites a newer one.

    Args:
        status: What the report says; one of `REPORTABLE`.
        at: When that happened.
        attempts: All attempts at this milestone, in any order.
    """
    known = sorted(attempts, key=lambda each: each.order)
    new = NewAttempt(number=1 + max((each.number for each in known), default=0))
    # A live attempt is always the newest: an older report never opens one.
    live = known.pop() if known and known[-1].status.is_live else None
    ended = known[-1] if known else None
    if live is not None and live.is_claimed and at >= live.as_of:
        return HeldByClaim(live)
    if not status.is_live:
        return Update(live) if live is not None and at >= live.as_of else new
    if ended is not None and at <= ended.as_of:
        return Outdated(ended)
    if live is None:
        return new
    return Outdated(live) if live.is_claimed else Update(live)
