"""The SQL of claims."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.tables import fences


async def next_fence(session: AsyncSession) -> int:
    """Take the next fence, which is higher than every fence before it in the installation."""
    fence: int = (await session.execute(select(fences.next_value()))).scalar_one()
    return fence
