"""Deferred work, as jobs of procrastinate's queue in the same database.

Its tables live in a schema of their own, so that they never meet ours.
"""

import asyncio
import logging
from typing import Final

import procrastinate

from buildstate_api.attempts.expiry import sweep
from buildstate_api.database import Database
from buildstate_api.idempotency import forget_old
from buildstate_api.resumes.asking import ask_due
from buildstate_api.resumes.triggers import consider_all
from buildstate_api.retention.policy import apply_everywhere
from buildstate_api.settings import PrefectSettings, ServerSettings

SCHEMA: Final = "procrastinate"

_log = logging.getLogger(__name__)
_RESTART_SECONDS: Final = 2.0


def job_queue(
    database_url: str, database: Database, prefect: PrefectSettings | None = None
) -> procrastinate.App:
    """Return the queue with every job of the service on it.

    Args:
        database_url: Where the queue is.
        database: What the jobs work on.
        prefect: The orchestrator that builds are resumed by, if there is one.
    """
    connector = procrastinate.PsycopgConnector(
        conninfo=database_url,
        kwargs={"options": f"-c search_path={SCHEMA} -c timezone=UTC", "connect_timeout": 5},
        min_size=1,
        max_size=3,
        timeout=10,
    )
    queue = procrastinate.App(connector=connector)

    # A read ends what has expired of the builds that it shows; this is for all the others.
    @queue.periodic(cron="* * * * * */5")
    @queue.task(name="sweep", queueing_lock="sweep")
    async def sweep_leases(timestamp: int) -> None:  # noqa: ARG001 - given by procrastinate
        await sweep(database)

    # Right after the sweep, which may just have ended what there is to resume.
    @queue.periodic(cron="* * * * * 1-59/5")
    @queue.task(name="consider", queueing_lock="consider")
    async def consider_ended(timestamp: int) -> None:  # noqa: ARG001 - as above
        await consider_all(database)

    # And right after that.
    @queue.periodic(cron="* * * * * 2-59/5")
    @queue.task(name="resume", queueing_lock="resume")
    async def resume_builds(timestamp: int) -> None:  # noqa: ARG001 - as above
        await ask_due(database, prefect)

    @queue.periodic(cron="*/10 * * * *")
    @queue.task(name="retention", queueing_lock="retention")
    async def apply_policies(timestamp: int) -> None:  # noqa: ARG001 - as above
        await apply_everywhere(database)

    @queue.periodic(cron="17 * * * *")
    @queue.task(name="forget-old-answers", queueing_lock="forget-old-answers")
    async def forget_old_answers(timestamp: int) -> None:  # noqa: ARG001 - as above
        async with database.transaction() as session:
            await forget_old(session)

    return queue


async def keep_working(settings: ServerSettings, database: Database) -> None:
    """Work on jobs until cancelled; start again when the database is back."""
    while True:
        queue = job_queue(settings.database_url, database, settings.prefect)
        try:
            async with queue.open_async():
                await queue.run_worker_async(
                    install_signal_handlers=False,
                    listen_notify=True,
                    delete_jobs="always",
                    # A Prefect that hangs keeps several of them; the sweep needs one, too.
                    concurrency=6,
                )
        except Exception as error:  # noqa: BLE001 - whatever it was, jobs must go on
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                return  # without a database the queue ends with an error of its own
            _log.warning("Jobs wait for the database: %s", error)
        await asyncio.sleep(_RESTART_SECONDS)
