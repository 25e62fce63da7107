"""Connections to PostgreSQL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from buildstate_core.errors import InvalidInput

# A copy of the service that hangs in the middle of a transaction does not hang the others.
_OPTIONS: Final = " ".join(
    f"-c {each}"
    for each in (
        "timezone=UTC",
        "lock_timeout=10s",
        "statement_timeout=30s",
        "idle_in_transaction_session_timeout=30s",
    )
)


@dataclass(frozen=True)
class Database:
    """The engine of one process, and sessions on it."""

    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]

    @classmethod
    def connect(cls, url: str, *, pool_size: int = 10) -> "Database":
        """Prepare connections; none is made before the first use.

        Args:
            url: A `postgresql://` URL as libpq takes it.
            pool_size: Connections kept open.

        Raises:
            InvalidInput: The URL is not one of PostgreSQL.
        """
        engine = create_async_engine(
            sqlalchemy_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=10,
            pool_pre_ping=True,
            hide_parameters=True,  # an error in the log shows the statement, and nobody's data
            connect_args={"options": _OPTIONS, "connect_timeout": 5},
        )
        return cls(engine, async_sessionmaker(engine, expire_on_commit=False))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Open a transaction; it is committed when the block ends well."""
        async with self.sessions() as session:
            yield session
            await session.commit()

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def sqlalchemy_url(url: str) -> str:
    """Name the driver in a libpq URL.

    >>> sqlalchemy_url("postgresql://me@db/buildstate")
    'postgresql+psycopg://me@db/buildstate'
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise InvalidInput(
            f"The database URL starts with {scheme!r}; BuildState runs on PostgreSQL only.",
            code="bad-database-url",
            field="database_url",
            hint="Use postgresql://user:password@host/database.",
        )
    try:
        parsed = make_url(f"postgresql+psycopg://{rest}")
    except (ValueError, ArgumentError) as error:
        raise InvalidInput(
            "The database URL cannot be read: its port is no number, or it has no host where one"
            " should be.",
            code="bad-database-url",
            field="database_url",
            hint="Use postgresql://user:password@host:5432/database.",
        ) from error
    return parsed.render_as_string(hide_password=False)


async def database_now(session: AsyncSession) -> datetime:
    """Ask for the database's time: the only clock that leases are measured by."""
    now: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return now


def violates(error: IntegrityError, constraint: str) -> bool:
    """Whether a write ran into this constraint, by its name in `buildstate_api.tables`."""
    diagnostics = getattr(error.orig, "diag", None)
    return getattr(diagnostics, "constraint_name", None) == constraint
