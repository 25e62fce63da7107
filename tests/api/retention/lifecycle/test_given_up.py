"""Artifacts that a person gives up, and those that are needed too much for that."""

import pytest
from support import Service

from buildstate_core.errors import Refused
from buildstate_core.models import Build, BuildDerive, Cancel, ProjectUpdate, Retention

from .artifacts import HANDLE, VALUE, create, delete, due, events, hold, made, removable


def test_what_is_given_up_says_by_whom_and_is_due_after_the_grace(
    service: Service, build: Build, project: str
) -> None:
    service.client.update_project(project, ProjectUpdate(retention=Retention(grace_hours=2)))
    [artifact], _ = made(service, build, 10), made(service, build, 25)
    marked = delete(service, artifact)
    assert (marked.status, delete(service, artifact)) == ("expired", marked)
    assert marked.removal is not None
    [key] = service.client.list_keys()
    assert marked.removal.reason == f"deleted by {key.name}: not needed"
    assert (marked.removal.due_at - marked.removal.at).total_seconds() == 2 * 3600
    assert events(service, build) == ["artifact.marked"]
    assert removable(service, project) == []


def test_a_checkpoint_that_an_open_build_needs_is_not_given_up(
    service: Service, build: Build
) -> None:
    [artifact] = made(service, build, 25)
    with pytest.raises(Refused) as refused:
        delete(service, artifact)
    assert refused.value.code == "artifact-needed"
    assert f"build {build.number}" in refused.value.message
    assert f"bldst build cancel {build.number}" in (refused.value.hint or "")
    service.client.cancel_build(build.number, Cancel(reason="called off"))
    assert delete(service, artifact).status == "expired"


def test_a_checkpoint_that_a_derived_build_needs_is_not_given_up(
    service: Service, build: Build
) -> None:
    [artifact] = made(service, build, 25)
    child = service.client.derive_build(build.number, BuildDerive(platform="azure"))
    service.client.cancel_build(build.number, Cancel(reason="called off"))
    with pytest.raises(Refused) as refused:
        delete(service, artifact)
    assert f"needed by build {child.number}" in refused.value.message


def test_what_is_held_or_being_made_is_not_given_up(service: Service, build: Build) -> None:
    [artifact], _ = made(service, build, 10), made(service, build, 25)
    hold(service, artifact)
    with pytest.raises(Refused) as refused:
        delete(service, artifact)
    assert refused.value.code == "artifact-held"
    claim = service.claim(build, 50)
    with pytest.raises(Refused) as refused:
        delete(service, create(service, build, 50, token=claim.token))
    assert (refused.value.code, refused.value.field) == ("artifact-needed", "artifact")


def test_a_handle_is_given_up_but_nothing_of_it_is_removed(
    service: Service, build: Build, project: str
) -> None:
    handle, value = made(service, build, 25, HANDLE, VALUE)
    made(service, build, 50)
    assert delete(service, handle).status == "expired"
    due(service, handle)
    assert removable(service, project) == []
    with pytest.raises(Refused) as refused:
        service.client.begin_removal(handle.id)
    assert "handle" in refused.value.message
    with pytest.raises(Refused) as refused:
        delete(service, value)
    assert refused.value.code == "artifact-is-a-value"
