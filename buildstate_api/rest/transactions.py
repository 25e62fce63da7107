"""The database, and one transaction for each request."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession

from buildstate_api.database import Database


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
Transaction = Annotated[AsyncSession, Depends(_transaction, scope="function")]
