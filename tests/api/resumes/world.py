"""The service, the Prefect that it may ask, and what a worker does to its builds."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from support import Service
from support.prefect import PrefectServer

from buildstate_api.database import Database
from buildstate_api.resumes.asking import ask_due
from buildstate_api.resumes.triggers import consider_all
from buildstate_api.settings import PrefectSettings
from buildstate_core.models import Build, Claim, ClaimRequest, Orchestrator, ResumeRequest
from buildstate_core.vocabulary import AutoResume


@dataclass
class World:
    """The service, whose own jobs rest, and the Prefect that it may ask."""

    service: Service
    prefect: PrefectServer
    settings: PrefectSettings | None

    def build(self, auto_resume: AutoResume = AutoResume.LOST, limit: int = 3) -> Build:
        project = f"p{uuid4().hex}"
        self.service.make_project(project, auto_resume=auto_resume, max_auto_resumes=limit)
        return self.service.make_build(project)

    def claim(self, build: Build, run: str, state: int = 50, lane: str = "") -> Claim:
        """Work in a flow run."""
        request = ClaimRequest(
            state=state,
            lane=lane,
            worker="worker-a",
            orchestrator=Orchestrator(flow_run_id=UUID(run), flow_run_name="calm-otter"),
        )
        return self.service.client.claim(build.number, request)

    def lose(self, *claims: Claim) -> None:
        """Let leases run out, and let it be noticed."""
        for claim in claims:
            self.service.expire(claim.attempt.id)
        self.service.client.get_build(claims[0].attempt.build)
        self.consider()

    def fail(self, claim: Claim) -> None:
        """Let a milestone fail, and let it be noticed."""
        self.service.fail(claim)
        self.consider()

    def consider(self) -> None:
        """Run the job that finds what has ended since."""

        async def run() -> None:
            database = Database.connect(self.service.database_url)
            try:
                await consider_all(database)
            finally:
                await database.close()

        asyncio.run(run())

    def job(self, copies: int = 1, settings: PrefectSettings | None = None) -> None:
        """Run the job: once, or in so many copies of the service at once."""

        async def copy() -> None:
            database = Database.connect(self.service.database_url)
            try:
                await ask_due(database, settings or self.settings)
            finally:
                await database.close()

        async def run() -> None:
            await asyncio.gather(*(copy() for _ in range(copies)))

        asyncio.run(run())

    def later(self) -> None:
        """Let every request be due."""
        self.service.query(
            "UPDATE resume_requests SET next_try_at = now() WHERE next_try_at > now()"
        )

    def requests(self, build: Build) -> list[ResumeRequest]:
        """List a build's requests, newest first."""
        return list(self.service.client.list_resume_requests(build=build.number))

    def request(self, build: Build) -> ResumeRequest:
        (found,) = self.requests(build)
        return found

    def events(self, build: Build) -> list[tuple[str, dict[str, Any]]]:
        found = self.service.query(
            "SELECT type, data FROM events WHERE build_id = %s AND type LIKE 'build.resume-%%'"
            " ORDER BY id",
            build.id,
        )
        return [(each["type"].removeprefix("build.resume-"), each["data"]) for each in found]

    def story(self, build: Build) -> list[str]:
        """Tell what became of a build's requests, event by event."""
        return [kind for kind, _ in self.events(build)]
