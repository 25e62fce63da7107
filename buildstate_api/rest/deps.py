"""What routes are given: the caller's key, and one transaction of the right sort."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.builds.service import sweep
from buildstate_api.database import Database
from buildstate_api.idempotency import Answer, answer_before, remember
from buildstate_api.keys.service import recognise
from buildstate_api.paging import Paging
from buildstate_core.errors import NotAllowed

_bearer = HTTPBearer(auto_error=False, description="An API key: bldst key create --name NAME")


# None of these waits, but FastAPI would run them in threads if they were not coroutines.
async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


DatabaseDep = Annotated[Database, Depends(_database)]


async def _transaction(database: DatabaseDep) -> AsyncIterator[AsyncSession]:
    async with database.transaction() as session:
        yield session


# It ends with the route's function, not with the answer: a client that reads slowly keeps no
# connection, and a commit that fails is not answered as a success.
_Transaction = Annotated[AsyncSession, Depends(_transaction, scope="function")]


async def require_key(
    session: _Transaction,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> UUID:
    """Let a request in by its API key, and give the key's id."""
    if credentials is None:
        raise NotAllowed(
            "This request has no API key.",
            code="key-missing",
            hint="Send the header Authorization: Bearer KEY; with bldst, set BLDST_API_KEY.",
        )
    key_id = await recognise(session, credentials.credentials)
    if key_id is None:
        raise NotAllowed(
            "This API key is unknown or revoked.",
            code="key-unknown",
            hint="Make another one with: bldst key create --name NAME",
        )
    return key_id


KeyDep = Annotated[UUID, Depends(require_key)]


async def _reading(session: _Transaction, _: KeyDep) -> AsyncSession:
    # A reader is never told that a holder whose lease ran out is still at work.
    await sweep(session)
    return session


async def _changing(session: _Transaction, _: KeyDep) -> AsyncSession:
    return session


Reading = Annotated[AsyncSession, Depends(_reading)]
"""The request's transaction, to read in."""

Changing = Annotated[AsyncSession, Depends(_changing)]
"""The request's transaction, for a change that may be made twice."""

PagingDep = Annotated[Paging, Depends(Paging.asked)]


@dataclass(frozen=True)
class Writing:
    """The request's transaction, for a write with at most one effect per idempotency key."""

    session: AsyncSession
    api_key_id: UUID
    idempotency_key: str | None
    request_digest: bytes

    async def once(
        self,
        write: Callable[[AsyncSession], Awaitable[BaseModel]],
        *,
        status_code: int | Callable[[], int] = 200,
    ) -> JSONResponse:
        """Do the write, or give the answer that it had before.

        Args:
            write: Does it, and gives the answer.
            status_code: Of the answer; asked for after the write.

        Raises:
            Conflict: The key was used for another request.
        """
        key = self.idempotency_key
        answer = key and await answer_before(
            self.session, self.api_key_id, key, self.request_digest
        )
        if not answer:
            content = (await write(self.session)).model_dump(mode="json")
            answer = Answer(status_code if isinstance(status_code, int) else status_code(), content)
            if key:
                await remember(self.session, self.api_key_id, key, answer)
        return JSONResponse(answer.content, status_code=answer.status_code)


async def _writing(
    request: Request,
    session: _Transaction,
    api_key_id: KeyDep,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=200,
            pattern=r"^[!-~]+$",
            description="The same key again gets the same answer, and has no further effect.",
        ),
    ] = None,
) -> Writing:
    asked = f"{request.url.path}?{request.url.query}".removesuffix("?")
    digest = hashlib.sha256(f"{request.method} {asked}\n".encode())
    digest.update(await request.body())
    return Writing(session, api_key_id, idempotency_key, digest.digest())


WritingDep = Annotated[Writing, Depends(_writing)]
