"""How long artifacts stay: a project's policy, holds, deletions, and the removal of bytes."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse, StreamingResponse

from buildstate_api.rest.auth import KeyDep
from buildstate_api.rest.deps import Changing, Reading, WritingDep
from buildstate_api.rest.params import ArtifactPath, ProjectPath
from buildstate_api.rest.transactions import DatabaseDep
from buildstate_api.retention import policy, removal
from buildstate_api.retention.answer import Pieces
from buildstate_api.retention.deletion import delete_artifact
from buildstate_api.retention.hold import hold_artifact, release_artifact
from buildstate_core.models import (
    Artifact,
    ArtifactDelete,
    HoldCreate,
    LookedUp,
    Lookup,
    RetentionPlan,
)

of_project = APIRouter(prefix="/v1/projects", tags=["projects"])
of_artifact = APIRouter(prefix="/v1/artifacts", tags=["artifacts"])


@of_project.get("/{project}/retention", response_model=RetentionPlan)
async def get_retention(project: ProjectPath, database: DatabaseDep) -> StreamingResponse:
    """Return what a project's policy would keep and give up, and why; nothing is changed."""
    return _streamed(await policy.get_plan(database, project))


@of_project.post("/{project}/retention", response_model=RetentionPlan)
async def apply_retention(project: ProjectPath, database: DatabaseDep) -> StreamingResponse:
    """Give up what a project's policy says, build by build; done twice, nothing more happens."""
    return _streamed(await policy.get_plan(database, project, is_applied=True))


@of_artifact.post("/lookup")
async def look_up(body: Lookup, session: Reading) -> LookedUp:
    """Return which objects of a storage anybody needs: what is `unknown` may be removed."""
    return await removal.look_up(session, body)


@of_artifact.post("/{artifact}/hold", response_model=Artifact)
async def hold(artifact: ArtifactPath, body: HoldCreate, writing: WritingDep) -> JSONResponse:
    """Keep an artifact, whatever the policy; one that was given up is taken back."""
    return await writing.once(
        lambda session: hold_artifact(session, artifact, body, writing.api_key_id)
    )


@of_artifact.delete("/{artifact}/hold")
async def release(artifact: ArtifactPath, session: Changing, key: KeyDep) -> Artifact:
    """End a hold; there need not be one."""
    return await release_artifact(session, artifact, key)


@of_artifact.post("/{artifact}/delete", response_model=Artifact)
async def delete(artifact: ArtifactPath, body: ArtifactDelete, writing: WritingDep) -> JSONResponse:
    """Give an artifact up. Refused while it is held, or an open build could resume from it."""
    return await writing.once(
        lambda session: delete_artifact(session, artifact, body, writing.api_key_id)
    )


@of_artifact.post("/{artifact}/removal", responses={409: {"description": "It may not be removed."}})
async def begin_removal(artifact: ArtifactPath, session: Changing) -> Artifact:
    """Record that its bytes are about to be removed. Refused if they may not be, or not yet."""
    return await removal.begin_removal(session, artifact)


@of_artifact.post("/{artifact}/removed", responses={409: {"description": "That was not begun."}})
async def end_removal(artifact: ArtifactPath, session: Changing) -> Artifact:
    """Record that its bytes are gone."""
    return await removal.end_removal(session, artifact)


def _streamed(pieces: Pieces) -> StreamingResponse:
    return StreamingResponse(pieces, media_type="application/json")
