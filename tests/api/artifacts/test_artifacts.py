import pytest
from support import Service, image

from buildstate_core.errors import Conflict, NotFound
from buildstate_core.models import (
    Artifact,
    ArtifactRecord,
    ArtifactVerified,
    Build,
    Quarantine,
)
from buildstate_core.vocabulary import ArtifactKind, AttemptStatus

GONE, CORRUPT = "artifact_gone", "artifact_corrupt"


def quarantine(service: Service, artifact: Artifact, reason: str) -> Artifact:
    return service.client.quarantine(artifact.id, Quarantine(reason=reason, message="seen at pull"))


def built_to_50(service: Service) -> tuple[Build, dict[int, Artifact]]:
    """A build with an artifact at 10, 25 and 50."""
    build = service.make_build()
    made = {}
    for state in (10, 25, 50):
        done = service.complete(service.claim(build, state), image(content=str(state)))
        (made[state],) = done.artifacts
    return build, made


def test_artifacts_are_listed_oldest_first_and_by_state(service: Service) -> None:
    build, made = built_to_50(service)
    found: list[str] = []
    query = "limit=2"
    while query:
        page = service.request("GET", f"/v1/builds/{build.number}/artifacts?{query}").json
        found += [each["id"] for each in page["items"]]
        query = page["next_cursor"] and f"limit=2&cursor={page['next_cursor']}"
    assert found == [str(made[state].id) for state in (10, 25, 50)]
    assert list(service.client.list_artifacts(build.number, state=25)) == [made[25]]
    assert service.client.get_artifact(made[25].id) == made[25]


def test_blobs_handles_and_values_come_back_as_they_were_recorded(service: Service) -> None:
    build = service.make_build()
    blob = image("disk.img", format="raw", compression="zstd", metadata={"path": "out/disk.img"})
    handle = image(
        "ami",
        kind=ArtifactKind.HANDLE,
        storage_type="ami",
        uri="ami-0abc",
        size_bytes=None,
        checksum=None,
        metadata={"region": "eu-west-1"},
        identity="made today, x86_64",
    )
    value = image(
        "facts",
        kind=ArtifactKind.VALUE,
        storage_type="value",
        uri=None,
        size_bytes=None,
        checksum=None,
        metadata={"value": {"kernel": "6.12", "sizes": [1, 2.5, None, True, "ü"]}},
    )
    done = service.complete(service.claim(build, 25), blob, handle, value)
    recorded = {each.name: each for each in (blob, handle, value)}
    assert len(done.artifacts) == 3
    for each in done.artifacts:
        shown, sent = each.model_dump(), recorded[each.name].model_dump()
        assert {name: shown[name] for name in sent} == sent
        assert (each.build, each.state, each.status) == (build.number, 25, "available")


def test_a_corrupt_artifact_gives_way_to_the_checkpoint_before_it(service: Service) -> None:
    build, made = built_to_50(service)
    service.fail(service.claim(build, 60))
    assert service.client.get_build(build.number).resume_from == 50

    shown = quarantine(service, made[50], CORRUPT)
    assert shown.status == "quarantined"
    after = service.client.get_build(build.number)
    assert (after.resume_from, after.peak) == (25, 50)
    claim = service.claim(build, 50)
    assert (claim.decision, claim.reason) == ("run", "artifact_corrupt")
    assert [each.id for each in claim.restore] == [made[25].id]


def test_an_artifact_that_is_gone_says_so(service: Service) -> None:
    build, made = built_to_50(service)
    quarantine(service, made[50], GONE)
    assert service.claim(build, 50).reason == "artifact_gone"


def test_a_quarantine_said_twice_keeps_its_first_reason(service: Service) -> None:
    build, made = built_to_50(service)
    quarantine(service, made[50], GONE)
    before = service.counts()
    quarantine(service, made[50], CORRUPT)
    assert service.claim(build, 50).reason == "artifact_gone"
    assert service.counts()["events"] == before["events"] + 1  # that of the claim


def test_what_was_made_again_is_used_instead(service: Service) -> None:
    build, made = built_to_50(service)
    quarantine(service, made[50], CORRUPT)
    again = service.complete(service.claim(build, 50), image(content="again"))
    assert service.client.get_build(build.number).resume_from == 50
    assert service.claim(build, 60).restore == again.artifacts


def test_a_digest_is_recorded_at_the_first_pull_and_never_changed(service: Service) -> None:
    build = service.make_build()
    unverified = image(checksum=None, size_bytes=None)
    reported = service.report(build, 25, AttemptStatus.COMPLETED, unverified)
    (artifact,) = reported.artifacts
    assert (artifact.checksum, artifact.size_bytes) == (None, None)
    seen = ArtifactVerified(checksum=image().checksum or "", size_bytes=0)
    for _ in range(2):
        verified = service.client.verify_artifact(artifact.id, seen)
        assert (verified.checksum, verified.size_bytes) == (seen.checksum, 0)
    for field, other in (
        ("checksum", seen.model_copy(update={"checksum": f"sha256:{'0' * 64}"})),
        ("size_bytes", seen.model_copy(update={"size_bytes": 1})),
    ):
        with pytest.raises(Conflict) as refused:
            service.client.verify_artifact(artifact.id, other)
        assert (refused.value.code, refused.value.field) == ("artifact-verified-already", field)
    assert service.client.get_artifact(artifact.id) == verified


def test_two_artifacts_of_one_attempt_have_different_names(service: Service) -> None:
    build = service.make_build()
    claim = service.claim(build, 25)
    twice = [image(content=content).model_dump(mode="json") for content in "ab"]
    before = service.counts()
    answer = service.request(
        "POST",
        f"/v1/attempts/{claim.attempt.id}/complete",
        {"token": claim.token, "artifacts": twice},
    )
    assert (answer.status, answer.problem["field"]) == (422, "artifacts")
    assert service.counts() == before


def test_an_unknown_artifact_is_not_found(service: Service) -> None:
    unknown = service.make_build().id
    with pytest.raises(NotFound) as refused:
        service.client.get_artifact(unknown)
    assert refused.value.field == "artifact"
    with pytest.raises(NotFound):
        service.client.quarantine(unknown, Quarantine(reason=GONE))


@pytest.mark.parametrize(
    ("made_anew", "reason"),
    [
        pytest.param("made today", "unchanged", id="the same"),
        pytest.param("made tomorrow", "upstream_changed:10", id="another"),
    ],
)
def test_a_handle_is_another_one_if_it_was_seen_to_be(
    service: Service, made_anew: str, reason: str
) -> None:
    def rbd(identity: str) -> ArtifactRecord:
        return image(
            kind=ArtifactKind.HANDLE,
            storage_type="rbd",
            uri="images/rhel-9",
            checksum=None,
            size_bytes=None,
            identity=identity,
        )

    build = service.make_build()
    [first] = service.complete(service.claim(build, 10), rbd("made today")).artifacts
    service.complete(service.claim(build, 25), image())
    quarantine(service, first, GONE)
    service.complete(service.claim(build, 10), rbd(made_anew))
    assert service.claim(build, 25).reason == reason


def test_the_service_takes_no_credential_and_repeats_none(service: Service) -> None:
    service.make_project("rhel")
    build = service.make_build("rhel")
    secret = "tr0ub4dor"
    for path, body, field in (
        (
            "/v1/projects",
            {"name": "p", "storage_url": f"sftp://me:{secret}@nas/srv"},
            "storage_url",
        ),
        (
            f"/v1/builds/{build.number}/artifacts",
            {"state": 25, "storage_type": "https", "uri": f"https://host/a?sig={secret}"},
            "uri",
        ),
    ):
        answer = service.request("POST", path, body)
        assert (answer.status, answer.problem["field"]) == (422, field)
        assert "URIs are shown to everybody" in answer.problem["detail"]
        assert secret.encode() not in answer.content
