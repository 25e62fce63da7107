"""Bytes that are removed in two steps."""

import pytest
from support import Service, image

from buildstate_core.errors import Conflict, Refused
from buildstate_core.models import Build, Cancel, Lookup

from .artifacts import delete, due, events, give_up, given_up, hold, made, removable


def test_bytes_are_removed_in_two_steps(service: Service, build: Build, project: str) -> None:
    artifact = given_up(service, build)
    assert removable(service, project) == [artifact.id]
    for _ in range(2):  # the first worker may have died
        begun = service.client.begin_removal(artifact.id)
        assert begun.removal is not None
        assert begun.removal.begun_at is not None
    with pytest.raises(Conflict) as refused:
        hold(service, artifact)
    assert refused.value.code == "artifact-being-removed"
    for _ in range(2):
        gone = service.client.end_removal(artifact.id)
        assert gone.status == "deleted"
        assert gone.removal is not None
        assert gone.removal.done_at is not None
    assert events(service, build)[-1] == "artifact.removed"
    assert removable(service, project) == []
    with pytest.raises(Conflict):
        hold(service, artifact)
    with pytest.raises(Refused) as refused:
        service.client.begin_removal(artifact.id)
    assert "gone since" in refused.value.message


def test_only_what_is_given_up_and_due_is_removed(service: Service, build: Build) -> None:
    [artifact] = made(service, build, 25)

    def why() -> str:
        with pytest.raises(Refused) as refused:
            service.client.begin_removal(artifact.id)
        assert refused.value.code == "not-removable"
        return refused.value.message

    assert "nobody has given it up" in why()
    service.client.cancel_build(build.number, Cancel(reason="called off"))
    marked = delete(service, artifact)
    assert "they are kept until" in why()
    hold(service, marked)
    assert "somebody holds it" in why()
    with pytest.raises(Conflict) as refused:
        service.client.end_removal(artifact.id)
    assert refused.value.code == "removal-not-begun"


def test_an_object_is_kept_as_long_as_another_build_has_it_too(
    service: Service, build: Build, project: str
) -> None:
    artifact = given_up(service, build)
    other = service.make_build(project)
    [twin] = made(service, other, 25, image(uri=artifact.uri))
    assert removable(service, project) == []
    with pytest.raises(Refused) as refused:
        service.client.begin_removal(artifact.id)
    assert f"build {other.number}" in refused.value.message
    service.client.cancel_build(other.number, Cancel(reason="called off"))
    delete(service, twin)
    assert removable(service, project) == []  # it can still be held
    due(service, twin)
    assert removable(service, project) == [artifact.id, twin.id]


@pytest.mark.parametrize(
    "spelling",
    [
        "/srv/images/{}/a b.img",
        "file:/srv/images/{}/a%20b.img",
        "file://localhost/srv/images/{}/a%20b.img",
        "FILE:///srv//images/{}/../{}/%61%20b.img",
    ],
)
def test_an_object_is_the_same_however_it_is_spelled(
    service: Service, build: Build, project: str, spelling: str
) -> None:
    plain = f"file:///srv/images/{project}/a%20b.img"
    uri = spelling.format(project, project)
    [artifact] = made(service, build, 25, image(uri=plain))
    other = service.make_build(project)
    [twin] = made(service, other, 25, image(uri=uri))
    assert twin.uri == uri
    give_up(service, build, artifact)
    assert removable(service, project) == []
    [found] = service.client.look_up(Lookup(uris=(plain,))).items
    assert (found.use, found.artifact) == ("committed", twin.id)

    give_up(service, other, twin)
    service.client.begin_removal(artifact.id)
    claim = service.claim(service.make_build(project), 25)
    with pytest.raises(Conflict) as refused:
        service.complete(claim, image(uri=uri))
    assert refused.value.code == "artifact-being-removed"


def test_what_goes_as_another_artifact_cannot_be_held(
    service: Service, build: Build, project: str
) -> None:
    artifact = given_up(service, build)
    other = service.make_build(project)
    [twin] = made(service, other, 25, image(uri=artifact.uri))
    give_up(service, other, twin)
    service.client.begin_removal(artifact.id)
    with pytest.raises(Conflict) as refused:
        hold(service, twin)
    assert refused.value.code == "artifact-being-removed"
    service.client.end_removal(artifact.id)
    with pytest.raises(Conflict) as refused:
        hold(service, twin)
    assert refused.value.code == "artifact-removed"


def test_nothing_is_recorded_at_a_place_that_is_being_cleared(
    service: Service, build: Build, project: str
) -> None:
    artifact = given_up(service, build)
    service.client.begin_removal(artifact.id)
    claim = service.claim(service.make_build(project), 25)
    with pytest.raises(Conflict) as refused:
        service.complete(claim, image(uri=artifact.uri))
    assert refused.value.code == "artifact-being-removed"
    service.client.end_removal(artifact.id)
    service.complete(claim, image(uri=artifact.uri))
