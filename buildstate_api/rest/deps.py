"""What routes are given: who asks, and one transaction of the right sort."""

import hashlib
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.attempts import lifecycle
from buildstate_api.attempts.expiry import end_expired
from buildstate_api.attempts.leases import builds_with_expired_leases
from buildstate_api.attempts.queries import build_of
from buildstate_api.database import Database
from buildstate_api.idempotency import Answer, answer_before, remember
from buildstate_api.paging import Paging
from buildstate_api.rest.auth import KeyDep
from buildstate_api.rest.params import AttemptPath, BuildPath
from buildstate_api.rest.transactions import DatabaseDep, Transaction

PagingDep = Annotated[Paging, Depends(Paging.asked)]


async def _session(session: Transaction, _: KeyDep) -> AsyncSession:
    return session


Reading = Annotated[AsyncSession, Depends(_session)]
"""The request's transaction, to read what does not tell who is at work."""

Changing = Annotated[AsyncSession, Depends(_session)]
"""The request's transaction, for a change that may be made twice."""


@dataclass(frozen=True)
class Settling:
    """The request's transaction, to read what tells who is at work.

    A reader is never told that a holder whose lease has run out is still at work.
    """

    session: AsyncSession
    database: Database

    async def settle(self, build_ids: Collection[UUID]) -> bool:
        """End the attempts of some builds whose lease has run out, each build by itself.

        Returns:
            Whether there may have been any: what was read of these builds before is out of date.
        """
        expired = await builds_with_expired_leases(self.session, build_ids)
        if not expired:
            return False
        # Only the key's use was written so far. A request that waits for another connection must
        # hold none, or all of them could wait for each other.
        await self.session.commit()
        await end_expired(self.database, expired)
        self.session.expire_all()
        return True


async def _settling(session: Transaction, database: DatabaseDep, _: KeyDep) -> Settling:
    return Settling(session, database)


SettlingDep = Annotated[Settling, Depends(_settling)]


async def _of_build(build: BuildPath, settling: SettlingDep) -> AsyncSession:
    found = await lifecycle.find_id(settling.session, build)
    await settling.settle([] if found is None else [found])
    return settling.session


ReadingBuild = Annotated[AsyncSession, Depends(_of_build)]
"""The request's transaction, to read what a build in the path is."""


async def _of_attempt(attempt: AttemptPath, settling: SettlingDep) -> AsyncSession:
    found = await build_of(settling.session, attempt)
    await settling.settle([] if found is None else [found])
    return settling.session


ReadingAttempt = Annotated[AsyncSession, Depends(_of_attempt)]
"""The same for an attempt in the path."""


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
        """Do the write, or return the answer that it had before.

        Args:
            write: Does it, and returns the answer.
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
    session: Transaction,
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
