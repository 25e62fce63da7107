"""Brings a database to the schema of this release."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection

from buildstate_api.database import sqlalchemy_url
from buildstate_core.errors import Unreachable

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
            command.upgrade(alembic_config(connection), "head")
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
        raise Unreachable(
            f"The database cannot be used: {str(error.orig).strip()}.",
            code="database-unreachable",
            hint="Check the database URL, and that the server runs and lets this user in.",
        ) from error
    finally:
        engine.dispose()


def alembic_config(connection: Connection) -> Config:
    """Return Alembic's settings for a connection that is open already."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
