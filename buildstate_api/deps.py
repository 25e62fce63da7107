"""What routes are given: the database, the caller's key, and one transaction for a write."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.builds.service import sweep
from buildstate_api.database import Database
from buildstate_api.keys.service import recognise
from buildstate_api.paging import Paging
from buildstate_api.tables import IdempotencyRow
from buildstate_core.errors import Conflict, NotAllowed

_bearer = HTTPBearer(auto_error=False, description="An API key: bldst key create --name NAME")


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


DatabaseDep = Annotated[Database, Depends(_database)]


async def require_key(
    database: DatabaseDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> UUID:
    """Let a request in by its API key, and give the key's id."""
    if credentials is None:
        raise NotAllowed(
            "This request has no API key.",
            code="key-missing",
            hint="Send the header Authorization: Bearer KEY; with bldst, set BLDST_API_KEY.",
        )
    async with database.transaction() as session:
        key_id = await recognise(session, credentials.credentials)
    if key_id is None:
        raise NotAllowed(
            "This API key is unknown or revoked.",
            code="key-unknown",
            hint="Make another one with: bldst key create --name NAME",
        )
    return key_id


KeyDep = Annotated[UUID, Depends(require_key)]


async def _reading(database: DatabaseDep, _: KeyDep) -> AsyncIterator[AsyncSession]:
    # A reader is never told that a holder whose lease ran out is still at work.
    await sweep(database)
    async with database.transaction() as session:
        yield session


Reading = Annotated[AsyncSession, Depends(_reading)]
PagingDep = Annotated[Paging, Depends(Paging.asked)]


@dataclass(frozen=True)
class Writing:
    """One write: a transaction of its own, and at most one effect per idempotency key."""

    database: Database
    api_key_id: UUID
    idempotency_key: str | None
    request_digest: bytes

    async def once(
        self,
        write: Callable[[AsyncSession], Awaitable[BaseModel]],
        *,
        status_code: int | Callable[[BaseModel], int] = 200,
    ) -> JSONResponse:
        """Do the write in one transaction, or give the answer that it had before.

        Args:
            write: Does it, and gives the answer.
            status_code: Of the answer.

        Raises:
            Conflict: The key was used for another request.
        """
        await sweep(self.database)
        async with self.database.transaction() as session:
            if self.idempotency_key is not None:
                before = await self._answer_before(session, self.idempotency_key)
                if before is not None:
                    return before
            answer = await write(session)
            code = status_code if isinstance(status_code, int) else status_code(answer)
            content = answer.model_dump(mode="json")
            if self.idempotency_key is not None:
                await session.execute(
                    update(IdempotencyRow)
                    .where(
                        IdempotencyRow.api_key_id == self.api_key_id,
                        IdempotencyRow.key == self.idempotency_key,
                    )
                    .values(status_code=code, answer=content)
                )
        return JSONResponse(content, status_code=code)

    async def _answer_before(self, session: AsyncSession, key: str) -> JSONResponse | None:
        # A twin of this request waits here until the first has committed.
        inserted = await session.execute(
            insert(IdempotencyRow)
            .values(api_key_id=self.api_key_id, key=key, request_digest=self.request_digest)
            .on_conflict_do_nothing()
            .returning(IdempotencyRow.key)
        )
        if inserted.first() is not None:
            return None
        row = (
            await session.execute(
                select(IdempotencyRow).where(
                    IdempotencyRow.api_key_id == self.api_key_id, IdempotencyRow.key == key
                )
            )
        ).scalar_one()
        if row.request_digest != self.request_digest:
            raise Conflict(
                "This Idempotency-Key was used for another request.",
                code="idempotency-key-reused",
                field="Idempotency-Key",
                hint="Make a new key for each request; repeat it only with the same one.",
            )
        return JSONResponse(row.answer, status_code=row.status_code or 200)


async def _writing(
    request: Request,
    database: DatabaseDep,
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
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode())
    digest.update(await request.body())
    return Writing(database, api_key_id, idempotency_key, digest.digest())


WritingDep = Annotated[Writing, Depends(_writing)]
