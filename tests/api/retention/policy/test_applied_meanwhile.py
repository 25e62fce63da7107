"""A policy that is applied while others claim, derive, hold and report."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from support import Service, image, until

from buildstate_core.errors import Conflict, Refused
from buildstate_core.models import (
    Artifact,
    Build,
    BuildDerive,
    ProjectUpdate,
    Quarantine,
    Retention,
)

from .policies import cancel, delete, hold, made, status


def in_order(service: Service, build: Build, *acts: Callable[[], Any]) -> list[Any]:
    """Let requests wait for a build's lock and come to it in this order; give what came of each."""

    def waiting() -> int:
        [found] = service.query(
            "SELECT count(DISTINCT l.pid) AS n FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE NOT l.granted AND a.datname = current_database()"
        )
        return int(found["n"])

    def outcome(act: Callable[[], Any]) -> Any:
        try:
            return act()
        except Conflict as refused:
            return refused

    with psycopg.connect(service.database_url) as holder, ThreadPoolExecutor(len(acts)) as pool:
        holder.execute("SELECT FROM builds WHERE id = %s FOR UPDATE", [build.id])
        outcomes = []
        for number, act in enumerate(acts, 1):
            outcomes.append(pool.submit(outcome, act))
            until(lambda wanted=number: waiting() >= wanted)
        holder.rollback()
        return [each.result(30) for each in outcomes]


def giving_up(service: Service, artifact: Artifact, project: str, how: str) -> Any:
    """Give an artifact up by the policy, or by a person."""
    if how == "delete":
        return delete(service, artifact)
    return artifact.id in service.client.apply_retention(project).marked


@pytest.mark.parametrize("how", ["policy", "delete"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_claim_finds_the_mark_or_keeps_it_away(
    service: Service, project: str, how: str, *, is_first: bool
) -> None:
    # Delivered in one lane: nobody needs the trunk's checkpoint, until another lane begins.
    service.client.update_project(
        project,
        ProjectUpdate(
            retention=Retention(keep_delivered_builds=0, keep_delivered=False, keep_days=1)
        ),
    )
    build = service.make_build(project)
    artifact = made(service, build, 25)
    service.complete(service.claim(build, 100, lane="eu"), image(content=f"{project}/eu"))
    assert service.client.get_build(build.number).status == "completed"

    def give_up() -> Any:
        return giving_up(service, artifact, project, how)

    def claim() -> Any:
        return service.claim(build, 100, lane="us")

    if is_first:
        _, claimed = in_order(service, build, give_up, claim)
        assert status(service, artifact) == "expired"
        assert isinstance(claimed, Conflict) or artifact.id not in {
            each.id for each in claimed.restore
        }
    else:
        claimed, given = in_order(service, build, claim, give_up)
        assert [each.id for each in claimed.restore] == [artifact.id]
        assert status(service, artifact) == "available"
        assert given is False or given.code == "artifact-needed"


@pytest.mark.parametrize("how", ["policy", "delete"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_derived_build_finds_the_mark_or_keeps_it_away(
    service: Service, project: str, how: str, *, is_first: bool
) -> None:
    build = service.make_build(project)
    artifact = made(service, build, 25)
    cancel(service, build)

    def give_up() -> Any:
        return giving_up(service, artifact, project, how)

    def derive() -> Any:
        return service.client.derive_build(build.number, BuildDerive(platform="azure"))

    if is_first:
        _, derived = in_order(service, build, give_up, derive)
        assert (status(service, artifact), derived.code) == ("expired", "not-a-checkpoint")
    else:
        derived, given = in_order(service, build, derive, give_up)
        assert derived.resume_from == 25
        assert status(service, artifact) == "available"
        assert given is False or given.code == "artifact-needed"
        assert service.claim(derived, 25).artifacts[0].id == artifact.id


@pytest.mark.parametrize("how", ["policy", "delete"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_hold_takes_the_mark_back_or_keeps_it_away(
    service: Service, project: str, how: str, *, is_first: bool
) -> None:
    build = service.make_build(project)
    artifact = made(service, build, 25)
    cancel(service, build)
    acts = [
        lambda: giving_up(service, artifact, project, how),
        lambda: hold(service, artifact),
    ]
    in_order(service, build, *(acts if is_first else acts[::-1]))
    shown = service.client.get_artifact(artifact.id)
    assert (shown.status, shown.hold is not None, shown.removal) == ("available", True, None)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_checkpoint_that_becomes_the_resume_point_is_kept_if_it_is_not_marked(
    service: Service, project: str, *, is_first: bool
) -> None:
    build = service.make_build(project)
    below, point = made(service, build, 10), made(service, build, 25)
    acts: list[Callable[[], Any]] = [
        lambda: service.client.apply_retention(project).marked,
        lambda: service.client.quarantine(point.id, Quarantine(reason="artifact_gone")),
    ]
    in_order(service, build, *(acts if is_first else acts[::-1]))
    if is_first:
        assert status(service, below) == "expired"
        with pytest.raises(Refused) as refused:
            service.claim(build, 25)
        assert (refused.value.code, refused.value.state) == ("run-first", 10)
    else:
        assert [each.id for each in service.claim(build, 25).restore] == [below.id]
    assert service.client.get_build(build.number).resume_from == (None if is_first else 10)


@pytest.mark.parametrize("is_first", [True, False])
def test_of_a_hold_and_a_removal_one_wins(
    service: Service, project: str, *, is_first: bool
) -> None:
    build = service.make_build(project)
    artifact = made(service, build, 25)
    cancel(service, build)
    service.client.apply_retention(project)
    acts: list[Callable[[], Any]] = [
        lambda: service.client.begin_removal(artifact.id),
        lambda: hold(service, artifact),
    ]
    outcomes = in_order(service, build, *(acts if is_first else acts[::-1]))
    assert isinstance(outcomes[0], Artifact)
    assert outcomes[1].code == ("artifact-being-removed" if is_first else "not-removable")
