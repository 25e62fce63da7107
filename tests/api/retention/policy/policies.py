"""A policy, builds that are old enough for it, and what it says of them."""

import asyncio
from typing import Any

from procrastinate.exceptions import AlreadyEnqueued
from support import Service, image, until

from buildstate_api.database import Database
from buildstate_api.jobs import job_queue
from buildstate_core.models import (
    Artifact,
    ArtifactDelete,
    Build,
    Cancel,
    CatalogState,
    HoldCreate,
    Retention,
    RetentionPlan,
)

STATES = tuple(CatalogState(code=code, name=f"State {code}") for code in (10, 25, 100))
POLICY = Retention(keep_delivered_builds=1, keep_delivered=True, keep_days=30, grace_hours=0)


def enqueue(database_url: str, **options: Any) -> None:
    """Put the job that applies all policies on the queue, as soon as no other one waits there."""

    async def defer() -> bool:
        queue = job_queue(database_url, Database.connect(database_url))
        async with queue.open_async():
            try:
                await queue.configure_task("retention", **options).defer_async(timestamp=0)
            except AlreadyEnqueued:
                return False
            return True

    until(lambda: asyncio.run(defer()))


def made(service: Service, build: Build, state: int, **fields: Any) -> Artifact:
    """Complete a milestone of a build that is wanted for its age: 40 days."""
    record = image(content=f"{build.number}/{state}", **fields)
    lane = fields.get("lane", "")
    [artifact] = service.complete(service.claim(build, state, lane=lane), record).artifacts
    return aged(service, artifact)


def aged(service: Service, artifact: Artifact) -> Artifact:
    service.query(
        "UPDATE artifacts SET created_at = created_at - interval '40 days' WHERE id = %s",
        artifact.id,
    )
    return artifact


def cancel(service: Service, build: Build) -> None:
    service.client.cancel_build(build.number, Cancel(reason="called off"))


def hold(service: Service, artifact: Artifact) -> Artifact:
    return service.client.hold_artifact(artifact.id, HoldCreate(reason="a customer asks"))


def delete(service: Service, artifact: Artifact) -> Artifact:
    return service.client.delete_artifact(artifact.id, ArtifactDelete(reason="not needed"))


def status(service: Service, artifact: Artifact) -> str:
    return service.client.get_artifact(artifact.id).status


def decided(plan: RetentionPlan) -> dict[Any, tuple[bool, str]]:
    return {each.artifact.id: (each.keep, each.reason) for each in plan.items}
