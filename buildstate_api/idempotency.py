"""The answers to writes, kept for a day: a repeated write gets the answer that it had before."""

from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.tables import IdempotencyRow
from buildstate_core.errors import Conflict

KEPT_FOR: Final = timedelta(days=1)


class Answer(NamedTuple):
    """What a write was answered."""

    status_code: int
    content: Any


async def answer_before(
    session: AsyncSession, api_key_id: UUID, key: str, request_digest: bytes
) -> Answer | None:
    """Return the answer that this write had before, or `None` if it is new.

    A twin that is under way is waited for. A new one has to be `remember`ed in this transaction.

    Raises:
        Conflict: The key was used for another request.
    """
    inserted = await session.execute(
        insert(IdempotencyRow)
        .values(api_key_id=api_key_id, key=key, request_digest=request_digest)
        .on_conflict_do_nothing()
        .returning(IdempotencyRow.key)
    )
    if inserted.first() is not None:
        return None
    row = (await session.execute(select(IdempotencyRow).where(_is(api_key_id, key)))).scalar_one()
    if row.request_digest != request_digest:
        raise Conflict(
            "This Idempotency-Key was used for another request.",
            code="idempotency-key-reused",
            field="Idempotency-Key",
            hint="Make a new key for each request; repeat it only with the same one.",
        )
    assert row.status_code is not None  # noqa: S101 - committed together with the answer
    return Answer(row.status_code, row.answer)


async def remember(session: AsyncSession, api_key_id: UUID, key: str, answer: Answer) -> None:
    """Keep the answer to a new write."""
    await session.execute(
        update(IdempotencyRow)
        .where(_is(api_key_id, key))
        .values(status_code=answer.status_code, answer=answer.content)
    )


async def forget_old(session: AsyncSession) -> None:
    """Remove the answers that are older than a day."""
    await session.execute(
        delete(IdempotencyRow).where(IdempotencyRow.created_at < func.now() - KEPT_FOR)
    )


def _is(api_key_id: UUID, key: str) -> Any:
    return (IdempotencyRow.api_key_id == api_key_id) & (IdempotencyRow.key == key)
