"""Decisions that a person makes about a build."""

from typing import Any

from support import Service, image

from buildstate_core.models import Adopt, Artifact, Build, Cancel, Force, Plan, Revoke, Waive

WHY = "the mirror was compromised"


def built(service: Service, *states: int) -> tuple[Build, dict[int, Artifact]]:
    """A build with a checkpoint at each of these states."""
    build = service.make_build(version="9.6")
    made = {}
    for state in states:
        done = service.complete(service.claim(build, state), image(content=str(state)))
        (made[state],) = done.artifacts
    return build, made


def waive(service: Service, build: Build, state: int, **fields: Any) -> Any:
    return service.client.waive(build.number, Waive(state=state, reason=WHY, **fields))


def force(service: Service, build: Build, state: int, **fields: Any) -> Plan:
    return service.client.force(build.number, Force(state=state, reason=WHY, **fields))


def adopt(service: Service, build: Build, state: int, *artifacts: Any) -> Any:
    wanted = Adopt(state=state, artifacts=artifacts or (image(),), reason=WHY)
    return service.client.adopt(build.number, wanted)


def cancel(service: Service, build: Build, reason: str = WHY) -> Build:
    return service.client.cancel_build(build.number, Cancel(reason=reason))


def types_of(service: Service, build: Build) -> list[str]:
    events = service.request("GET", f"/v1/builds/{build.number}/events?limit=200").json["items"]
    return [each["type"] for each in events]


def decided(plan: Plan) -> dict[int, tuple[str, str]]:
    return {each.state: (each.decision, each.reason) for each in plan.milestones}


def revoke(service: Service, artifact: Artifact) -> Any:
    return service.client.revoke_artifact(artifact.id, Revoke(reason=WHY))
