"""`/v1/builds/{build}/claims`, and what the holder of a claim says, at `/v1/attempts`."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from buildstate_api.claims import service
from buildstate_api.rest.deps import Changing, ReadingAttempt, WritingDep
from buildstate_api.rest.params import AttemptPath, BuildPath
from buildstate_core.models import Attempt, Claim, ClaimRequest, Complete, Fail, Heartbeat, Lease

of_build = APIRouter(prefix="/v1/builds", tags=["builds"])
of_attempt = APIRouter(prefix="/v1/attempts", tags=["claims"])


@of_build.post("/{build}/claims", response_model=Claim)
async def claim(build: BuildPath, body: ClaimRequest, writing: WritingDep) -> JSONResponse:
    """Ask for a milestone: `skip` it, `run` it, or hear by whom it is `held`."""
    return await writing.once(lambda session: service.claim(session, build, body))


@of_attempt.get("/{attempt}")
async def get_attempt(attempt: AttemptPath, session: ReadingAttempt) -> Attempt:
    """Get an attempt."""
    return await service.get_attempt(session, attempt)


@of_attempt.post("/{attempt}/heartbeat")
async def heartbeat(attempt: AttemptPath, body: Heartbeat, session: Changing) -> Lease:
    """Renew the lease of a claim. Refused once the attempt is lost or ended."""
    return await service.heartbeat(session, attempt, body)


@of_attempt.post("/{attempt}/complete", response_model=Attempt)
async def complete(attempt: AttemptPath, body: Complete, writing: WritingDep) -> JSONResponse:
    """Record completion and artifacts, both or neither. Refused once the claim is stale."""
    return await writing.once(lambda session: service.complete(session, attempt, body))


@of_attempt.post("/{attempt}/fail", response_model=Attempt)
async def fail(attempt: AttemptPath, body: Fail, writing: WritingDep) -> JSONResponse:
    """Record a failure. Refused once the claim is stale."""
    return await writing.once(lambda session: service.fail(session, attempt, body))
