"""Artifacts that a person holds."""

from support import Service

from buildstate_core.models import Build, Quarantine, Revoke

from .artifacts import delete, events, hold, made


def test_a_hold_says_who_and_why_and_ends(service: Service, build: Build) -> None:
    [artifact] = made(service, build, 25)
    shown = hold(service, artifact)
    assert shown.hold is not None
    assert shown.hold.reason == "a customer asks"
    [key] = service.client.list_keys()
    assert shown.hold.actor == key.name
    assert hold(service, artifact, "another reason") == shown
    for _ in range(2):
        assert service.client.release_artifact(artifact.id).hold is None
    assert events(service, build) == ["artifact.held", "artifact.released"]


def test_a_hold_takes_back_what_was_given_up(service: Service, build: Build) -> None:
    [first], [second] = made(service, build, 10), made(service, build, 25)
    assert delete(service, first).status == "expired"
    back = hold(service, first)
    assert (back.status, back.removal) == ("available", None)
    service.client.quarantine(second.id, Quarantine(reason="artifact_corrupt"))
    assert service.client.get_build(build.number).resume_from == 10


def test_a_hold_leaves_what_is_revoked_out_of_use(service: Service, build: Build) -> None:
    [artifact] = made(service, build, 25)
    service.client.revoke_artifact(artifact.id, Revoke(reason="it has a leaked key"))
    marked = delete(service, artifact)
    assert marked.status == "revoked"
    assert marked.removal is not None
    back = hold(service, artifact)
    assert (back.status, back.removal) == ("revoked", None)
