"""Artifacts made by hand that a person has a milestone continue from."""

from support import Service, image

from buildstate_core.vocabulary import ArtifactKind

from .decisions import WHY, adopt, built


def test_what_was_adopted_is_continued_from(service: Service) -> None:
    build, _ = built(service, 10)
    service.fail(service.claim(build, 25))
    adopted = adopt(service, build, 25, image(content="by hand"))
    assert (adopted.status, adopted.kind, adopted.attempt) == ("completed", "checkpoint", 2)
    assert (adopted.started_at, adopted.fingerprint, adopted.message) == (None, {}, WHY)
    assert service.client.get_build(build.number).resume_from == 25
    assert service.claim(build, 25, fingerprint={"command": "a"}).decision == "skip"
    assert service.claim(build, 50).restore == adopted.artifacts


def test_a_handle_can_be_adopted(service: Service) -> None:
    build, _ = built(service, 10)
    ami = image(
        "ami",
        kind=ArtifactKind.HANDLE,
        storage_type="ami",
        uri="ami-0abc",
        size_bytes=None,
        checksum=None,
    )
    (artifact,) = adopt(service, build, 25, ami).artifacts
    assert (artifact.kind, artifact.uri) == ("handle", "ami-0abc")


def test_an_adoption_of_nothing_is_refused(service: Service) -> None:
    build, _ = built(service, 10)
    body = {"state": 25, "artifacts": [], "reason": WHY}
    answer = service.request("POST", f"/v1/builds/{build.number}/adopt", body)
    assert (answer.status, answer.problem["field"]) == (422, "artifacts")
