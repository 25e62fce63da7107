"""`/v1/attempts`: what the holder of a claim says. Claims are made at their build."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from buildstate_api.claims import service
from buildstate_api.rest.deps import Changing, Reading, WritingDep
from buildstate_core.models import Attempt, Complete, Fail, Heartbeat, Lease

router = APIRouter(prefix="/v1/attempts", tags=["claims"])

AttemptPath = Annotated[UUID, Path(description="The attempt's id.")]


@router.get("/{attempt}")
async def get_attempt(attempt: AttemptPath, session: Reading) -> Attempt:
    """Get an attempt."""
    return await service.get_attempt(session, attempt)


@router.post("/{attempt}/heartbeat")
async def heartbeat(attempt: AttemptPath, body: Heartbeat, session: Changing) -> Lease:
    """Renew the lease of a claim. Refused once the attempt is lost or ended."""
    return await service.heartbeat(session, attempt, body)


@router.post("/{attempt}/complete", response_model=Attempt)
async def complete(attempt: AttemptPath, body: Complete, writing: WritingDep) -> JSONResponse:
    """Record completion and artifacts, both or neither. Refused once the claim is stale."""
    return await writing.once(lambda session: service.complete(session, attempt, body))


@router.post("/{attempt}/fail", response_model=Attempt)
async def fail(attempt: AttemptPath, body: Fail, writing: WritingDep) -> JSONResponse:
    """Record a failure. Refused once the claim is stale."""
    return await writing.once(lambda session: service.fail(session, attempt, body))
