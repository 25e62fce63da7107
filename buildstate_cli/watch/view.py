"""A build in progress, for people: where it stands, or what has changed since the last look."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from buildstate_cli.build.view import sentence
from buildstate_cli.output import formats
from buildstate_cli.output.page import Block, Fields, Page, Table
from buildstate_core.models import Attempt, Build
from buildstate_core.vocabulary import AttemptStatus, BuildStatus
from buildstate_worker.transfer_progress import in_short

_COLUMNS: Final = ("STATE", "LANE", "STATUS", "WORKER", "FOR", "WHAT")
_FREE_TEXT: Final = frozenset({"STATE", "WORKER", "WHAT"})
_MAX_MESSAGE: Final = 200
_STEP_PERCENT: Final = 10
"""How far a transfer has to move to be worth a line."""


class Seen(BaseModel):
    """What one look at a build found.

    Attributes:
        attempts: The newest of each state and lane, in the order in which they began.
    """

    model_config = ConfigDict(frozen=True)

    build: Build
    attempts: tuple[Attempt, ...]

    @property
    def is_over(self) -> bool:
        """Whether nobody works on it, and nobody will without being asked to."""
        if self.build.status is BuildStatus.FAILED:
            # One lane has; the others go on.
            return not any(each.status.is_live for each in self.attempts)
        return self.build.status in {BuildStatus.COMPLETED, BuildStatus.CANCELLED}


def seen(build: Build, history: Sequence[Attempt]) -> Seen:
    """Return a build with the newest attempt at each of its milestones."""
    newest = {(each.lane, each.state): each for each in history}
    kept = {each.id for each in newest.values()}
    return Seen(build=build, attempts=tuple(each for each in history if each.id in kept))


def picture(found: Seen, now: datetime) -> Page:
    """Return where a build stands, what is done, and which worker works on what."""
    rows = [_row(each, now) for each in found.attempts if not each.status.is_done]
    table = Table(columns=_COLUMNS, rows=rows, free_text=_FREE_TEXT)
    blocks: list[Block] = [sentence(found.build)]
    done = _done(found.attempts)
    if done:
        blocks.append(Fields(done))
    return [*blocks, table] if rows else blocks


def changes(before: Seen | None, after: Seen) -> Iterator[str]:
    """Yield a line for each change between two looks; at the first look, what is in progress."""
    if before is None:
        yield sentence(after.build)
    known = {} if before is None else {each.id: each for each in before.attempts}
    for each in after.attempts:
        was = known.get(each.id)
        is_news = was is None or was.status is not each.status
        if is_news and (before is not None or not each.status.is_done):
            yield f"{_named(each)}: {_how(each)}"
        if each.transfer is not None and _has_moved(was, each):
            yield f"{_named(each)}: {in_short(each.transfer)}"
    if before is not None and after.is_over:
        yield sentence(after.build)


def last_printed(before: Seen | None, after: Seen) -> Seen:
    """Return a look in which each transfer stands where its last printed line put it."""
    known = {} if before is None else {each.id: each for each in before.attempts}

    def as_printed(attempt: Attempt) -> Attempt:
        was = known.get(attempt.id)
        if was is None or attempt.transfer is None or _has_moved(was, attempt):
            return attempt
        return attempt.model_copy(update={"transfer": was.transfer})

    return Seen(build=after.build, attempts=tuple(map(as_printed, after.attempts)))


def _done(attempts: Sequence[Attempt]) -> list[tuple[str, str]]:
    by_lane: dict[str, list[int]] = {}
    for each in attempts:
        if each.status.is_done:
            by_lane.setdefault(each.lane, []).append(each.state)
    return [
        (f"done{formats.lane(lane)}", " ".join(map(str, sorted(states))))
        for lane, states in sorted(by_lane.items())
    ]


def _row(attempt: Attempt, now: datetime) -> tuple[str, ...]:
    took = attempt.duration_seconds
    if attempt.status.is_live and attempt.started_at is not None:
        # This machine's clock may be behind the service's.
        took = max((now - attempt.started_at).total_seconds(), 0)
    return (
        formats.state(attempt.state, attempt.state_name),
        attempt.lane,
        attempt.status,
        attempt.worker or "",
        "" if took is None else formats.about(took),
        _what(attempt),
    )


def _what(attempt: Attempt) -> str:
    if attempt.transfer is not None and attempt.status.is_live:
        return in_short(attempt.transfer)
    return (attempt.message or "")[:_MAX_MESSAGE]


def _how(attempt: Attempt) -> str:
    """Return how an attempt stands: `completed after 1 min 15 s`."""
    by = f" on {attempt.worker}" if attempt.status.is_live and attempt.worker else ""
    took = attempt.duration_seconds
    after = f" after {formats.duration(took)}" if took is not None else ""
    said = attempt.message if attempt.status not in _QUIET else None
    why = f": {said[:_MAX_MESSAGE]}" if said else ""
    return f"{attempt.status}{by}{after}{why}"


_QUIET: Final = frozenset({AttemptStatus.COMPLETED, AttemptStatus.IN_PROGRESS})


def _has_moved(was: Attempt | None, now: Attempt) -> bool:
    assert now.transfer is not None  # noqa: S101 - as the caller has seen
    old, new = None if was is None else was.transfer, now.transfer
    if old is None or (old.activity, old.name) != (new.activity, new.name):
        return True
    moved = new.done_bytes - old.done_bytes
    return bool(new.total_bytes) and moved * 100 >= _STEP_PERCENT * (new.total_bytes or 0)


def _named(attempt: Attempt) -> str:
    state = formats.state(attempt.state, attempt.state_name)
    return f"state {state}{formats.lane(attempt.lane)}"
