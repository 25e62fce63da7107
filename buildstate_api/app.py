"""The service as an ASGI application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse

from buildstate_api import health
from buildstate_api.artifacts import routes as artifacts
from buildstate_api.attempts.leases import keep_beating
from buildstate_api.builds import routes as builds
from buildstate_api.claims import routes as claims
from buildstate_api.database import Database
from buildstate_api.events import routes as events
from buildstate_api.interventions import routes as interventions
from buildstate_api.jobs import keep_working
from buildstate_api.keys import routes as keys
from buildstate_api.projects import routes as projects
from buildstate_api.rest import problems
from buildstate_api.rest.auth import require_key
from buildstate_api.rest.bodies import JsonBodies
from buildstate_api.rest.head import HeadAsGet
from buildstate_api.rest.openapi import Service
from buildstate_api.rest.parameters import refuse_unknown
from buildstate_api.resumes import routes as resumes
from buildstate_api.retention import routes as retention
from buildstate_api.settings import ServerSettings
from buildstate_core import __version__

_ROUTERS: Final = (
    projects.router,
    retention.of_project,
    builds.router,
    events.router,
    artifacts.of_build,
    claims.of_build,
    interventions.router,
    claims.of_attempt,
    artifacts.router,
    retention.of_artifact,
    keys.router,
    resumes.router,
)


def create_app(settings: ServerSettings) -> FastAPI:
    """Build the service; its lifespan opens what it needs, and closes it.

    The database has to be migrated already (`buildstate_api.migrate`).
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database.connect(settings.database_url, pool_size=settings.pool_size)
        app.state.database = database
        work = [
            asyncio.create_task(keep_beating(database)),
            asyncio.create_task(keep_working(settings, database)),
        ]
        try:
            yield
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await database.close()

    app = Service(
        title="BuildState",
        version=__version__,
        summary="State, history and artifact locations of machine image builds.",
        description="Texts may hold every character but NUL. Times are UTC, RFC 3339; sizes are "
        "bytes; durations are seconds. Every error is an RFC 9457 problem document.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    app.add_middleware(JsonBodies, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(HeadAsGet)
    # A request without a good key learns nothing else of what is wrong with it.
    checks = [Depends(require_key), Depends(refuse_unknown)]
    app.include_router(health.router, dependencies=checks[1:])
    for router in _ROUTERS:
        app.include_router(router, dependencies=checks)

    @app.get("/openapi.json", include_in_schema=False, dependencies=checks)
    async def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    return app
