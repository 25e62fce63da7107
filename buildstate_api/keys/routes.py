"""`/v1/keys`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from buildstate_api.keys import service
from buildstate_api.rest.deps import Changing, PagingDep, Reading
from buildstate_core.models import Key, KeyCreate, NewKey, Page

router = APIRouter(prefix="/v1/keys", tags=["keys"])


@router.post("", status_code=201)
async def create_key(body: KeyCreate, session: Changing) -> NewKey:
    """Make an API key. Its secret is shown this once; repeated, this makes another key."""
    return await service.create_key(session, body.name)


@router.get("")
async def list_keys(session: Reading, paging: PagingDep) -> Page[Key]:
    """List the API keys, without their secrets."""
    return await service.list_keys(session, paging)


@router.delete("/{key}")
async def revoke_key(
    key: Annotated[UUID, Path(description="The key's id.")], session: Changing
) -> Key:
    """Make an API key useless. It stays in the list."""
    return await service.revoke_key(session, key)
