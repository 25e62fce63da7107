"""Builds that are derived from the checkpoint of another."""

from typing import Any

from support import Service, image

from buildstate_core.models import Attempt, Build, BuildDerive


def common(service: Service, *states: int, **fields: Any) -> Build:
    """A build of `rhel-common` with a checkpoint at each of these states."""
    build = service.make_build("rhel-common", **{"version": "9.6", **fields})
    for state in states:
        service.complete(service.claim(build, state), image(content=f"common {state}"))
    return build


def derive(service: Service, parent: Build, state: int | None = None, **fields: Any) -> Build:
    wanted = {"platform": "azure", **fields}
    if state is not None:
        wanted["from_state"] = state
    return service.client.derive_build(parent.number, BuildDerive(**wanted))


def newest(service: Service, build: Build, state: int) -> Attempt:
    return [each for each in service.client.history(build.number) if each.state == state][-1]


def derivation(build: Build) -> tuple[int | None, int | None]:
    return (build.derived_from, build.derived_state)
