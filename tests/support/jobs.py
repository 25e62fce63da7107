"""The jobs of the service, as tests run them or have them rest."""

from buildstate_api.database import Database
from buildstate_api.jobs import job_queue


async def defer(database_url: str, job: str) -> None:
    """Have a running service do a job now."""
    queue = job_queue(database_url, Database.connect(database_url))
    async with queue.open_async():
        await queue.configure_task(job).defer_async(timestamp=0)


async def park(database_url: str, *jobs: str) -> None:
    """Queue jobs for tomorrow: as long as they are in the queue, no other ones get there."""
    queue = job_queue(database_url, Database.connect(database_url))
    async with queue.open_async():
        for job in jobs:
            task = queue.configure_task(job, queueing_lock=job, schedule_in={"days": 1})
            await task.defer_async(timestamp=0)
