"""Brings a database to the schema of this release."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from buildstate_api.database import sqlalchemy_url
from buildstate_core.errors import Unreachable

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x6275696C  # "buil": one migration at a time, however many copies start


def migrate(database_url: str) -> None:
    """Apply the migrations that are missing; copies that start together wait for each other.

    Raises:
        Unreachable: The database cannot be reached.
    """
    engine = sa.create_engine(sqlalchemy_url(database_url), poolclass=sa.NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            if _version(connection) != newest_migration():
                from alembic import command  # noqa: PLC0415 - most starts need none of it

                command.upgrade(alembic_config(connection), "head")
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
        raise Unreachable(
            f"The database cannot be used: {str(error.orig).strip()}.",
            code="database-unreachable",
            hint="Check the database URL, and that the server runs and lets this user in.",
        ) from error
    finally:
        engine.dispose()


def newest_migration() -> str:
    """Return the schema's version of this release: what its last migration is named with."""
    return max(each.name.partition("_")[0] for each in _MIGRATIONS.glob("versions/0*.py"))


def alembic_config(connection: Connection) -> "Config":
    """Return Alembic's settings for a connection that is open already."""
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _version(connection: Connection) -> str | None:
    """Return the version that a database's schema has; `None` if it has none yet."""
    if connection.scalar(sa.text("SELECT to_regclass('alembic_version')")) is None:
        return None
    version: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return version
