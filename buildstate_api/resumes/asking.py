"""The job that moves requests to resume on: it takes those that are due, and asks Prefect.

No transaction is open while Prefect is asked. A request is taken by moving its next try ahead;
what came of it is written only if nobody took or changed it meanwhile.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.database import Database, database_now
from buildstate_api.resumes import lifecycle, queries
from buildstate_api.settings import PrefectSettings
from buildstate_api.tables import ResumeRequestRow
from buildstate_core.rules.reasons import LOST_WORKER
from buildstate_core.vocabulary import AttemptStatus, ResumeStatus

if TYPE_CHECKING:
    from buildstate_api.resumes.prefect import Prefect
    from buildstate_api.resumes.steps import Step, Taken

_log = logging.getLogger(__name__)

MAX_TRIES: Final = 8
_AT_ONCE: Final = 50
_TAKEN_SECONDS: Final = 60.0
_STEP_SECONDS: Final = 40.0
"""Shorter than a request is taken for."""
_FIRST_WAIT_SECONDS: Final = 5.0
_LONGEST_WAIT_SECONDS: Final = 300.0


async def ask_due(database: Database, settings: PrefectSettings | None) -> None:
    """Move every request that is due one step on."""
    async with database.transaction() as session:
        rows = await queries.take_due(session, _AT_ONCE, _TAKEN_SECONDS)
    if not rows:
        return
    if settings is None:
        for row in rows:
            await _give_up(database, row, _where_is_prefect(row.build.number))
        return
    from buildstate_api.resumes.prefect import Prefect  # noqa: PLC0415 - slow to load, rarely used

    by_run: dict[object, list[ResumeRequestRow]] = defaultdict(list)
    for row in rows:
        by_run[row.flow_run_id].append(row)
    async with Prefect(settings) as prefect:
        # Those of one run one after the other: the first starts the run that all others get.
        await asyncio.gather(
            *(_ask_each(database, prefect, settings, each) for each in by_run.values())
        )


def wait_seconds(tries: int) -> float:
    """Return the seconds to wait after so many failed tries.

    >>> [wait_seconds(tries) for tries in (1, 2, 3, 7)]
    [5.0, 10.0, 20.0, 300.0]
    """
    return min(_FIRST_WAIT_SECONDS * 2.0 ** (tries - 1), _LONGEST_WAIT_SECONDS)


async def _ask_each(
    database: Database,
    prefect: "Prefect",
    settings: PrefectSettings,
    rows: Sequence[ResumeRequestRow],
) -> None:
    for row in rows:
        try:
            await _ask(database, prefect, settings, row)
        except Exception:  # noqa: BLE001 - it is due again when it is no longer taken
            _log.exception("The request to resume %s failed in a way nobody thought of", row.id)


async def _ask(
    database: Database, prefect: "Prefect", settings: PrefectSettings, row: ResumeRequestRow
) -> None:
    from buildstate_api.resumes.prefect import Declined, Unanswered  # noqa: PLC0415 - as above
    from buildstate_api.resumes.steps import take_step  # noqa: PLC0415 - as above

    async with database.transaction() as session:
        taken = await _taken(session, row)
    try:
        async with asyncio.timeout(_STEP_SECONDS):
            step = await take_step(prefect, taken)
    except Declined as error:
        await _give_up(database, row, str(error))
    except Unanswered as error:
        await _try_later(database, row, str(error))
    except TimeoutError:
        await _try_later(
            database, row, f"Prefect at {prefect.url} took more than {_STEP_SECONDS:.0f} s."
        )
    else:
        await _write(database, row, step, settings)


async def _taken(session: AsyncSession, row: ResumeRequestRow) -> "Taken":
    from buildstate_api.resumes.steps import Taken  # noqa: PLC0415 - as above

    is_by_hand = row.reason not in queries.AUTOMATIC
    is_lost = row.reason == LOST_WORKER or (
        is_by_hand and await queries.has_lost(session, row.build_id, row.flow_run_id)
    )
    attempt = row.attempt
    other = attempt and await queries.taken_over(session, row.build_id, attempt, row.flow_run_id)
    return Taken(
        build=row.build.number,
        status=ResumeStatus(row.status),
        flow_run_id=row.flow_run_id,
        successor_id=row.successor_id,
        why=_why(row),
        is_by_hand=is_by_hand,
        is_lost=is_lost,
        goes_on_in=None if other is None else lifecycle.flow_run_of(other),
    )


def _why(row: ResumeRequestRow) -> str:
    """Return what stopped, as a sentence for whoever looks at the run in Prefect."""
    what = f"BuildState build {row.build.number}"
    attempt = row.attempt
    if attempt is not None:
        lane = f", lane {attempt.lane}" if attempt.lane else ""
        what = f"{what}, state {attempt.state}{lane}, attempt {attempt.number}"
        if attempt.status in {AttemptStatus.LOST, AttemptStatus.FAILED} and attempt.message:
            what = f"{what}: {attempt.message}"
    if row.reason not in queries.AUTOMATIC:
        what = f"{what}; resumed by hand: {row.reason}"
    return what if what.endswith(".") else f"{what}."


async def _write(
    database: Database, row: ResumeRequestRow, step: "Step", settings: PrefectSettings
) -> None:
    async with database.transaction() as session:
        locked = await queries.lock_taken(session, row)
        if locked is None:
            return
        locked.tries = 0
        message = step.message
        if step.successor is not None:
            locked.successor_id = step.successor.id
            locked.successor_name = step.successor.name
            message = f"{message} {settings.run_url(step.successor.id)}"
        lifecycle.move(
            session,
            locked,
            step.status,
            message=message,
            now=await database_now(session),
            wait_seconds=step.wait_seconds,
        )


async def _try_later(database: Database, row: ResumeRequestRow, message: str) -> None:
    """Note a failed try; after the last one the request has failed."""
    async with database.transaction() as session:
        locked = await queries.lock_taken(session, row)
        if locked is None:
            return
        locked.tries += 1
        is_last = locked.tries >= MAX_TRIES
        lifecycle.move(
            session,
            locked,
            ResumeStatus.FAILED if is_last else ResumeStatus(locked.status),
            message=f"Given up after {MAX_TRIES} tries. {message}" if is_last else message,
            now=await database_now(session),
            wait_seconds=wait_seconds(locked.tries),
        )


async def _give_up(database: Database, row: ResumeRequestRow, message: str) -> None:
    async with database.transaction() as session:
        locked = await queries.lock_taken(session, row)
        if locked is not None:
            now = await database_now(session)
            lifecycle.move(session, locked, ResumeStatus.FAILED, message=message, now=now)


def _where_is_prefect(build: int) -> str:
    return (
        "The service does not know where Prefect is. Start it with BLDST_PREFECT_API_URL, such as"
        f" http://127.0.0.1:4200/api; after that: bldst resume {build}"
    )
