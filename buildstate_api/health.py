"""Health, the only routes that need no key."""

from fastapi import APIRouter
from sqlalchemy import text

from buildstate_api.rest.transactions import DatabaseDep
from buildstate_core import __version__
from buildstate_core.models import Health

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def alive() -> Health:
    """Report that the process is alive."""
    return Health(status="ok", version=__version__)


@router.get("/readyz")
async def ready(database: DatabaseDep) -> Health:
    """Report that the service can work: its database answers."""
    async with database.transaction() as session:
        await session.execute(text("SELECT 1 FROM service_clock"))
    return Health(status="ok", version=__version__)
