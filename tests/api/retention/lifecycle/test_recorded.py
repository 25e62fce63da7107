"""Artifacts that are recorded: what is kept of them, who may add one, and where they may lie."""

from typing import Any

import pytest
from support import Service, image

from buildstate_core.errors import Conflict, Held, InvalidInput, Refused, StaleClaim
from buildstate_core.models import (
    ArtifactCreate,
    ArtifactRecord,
    Build,
    Cancel,
    PackedRecord,
    ProjectUpdate,
    Report,
)
from buildstate_core.vocabulary import AttemptStatus, Kind, Sensitivity

from .artifacts import HANDLE, VALUE, create, events, made

# ---- recorded ----


def test_what_is_recorded_of_an_artifact_comes_back(service: Service, build: Build) -> None:
    packed = PackedRecord(checksum=f"sha256:{'1' * 64}", size_bytes=7)
    expires_at = "2030-01-02T03:04:05Z"
    record = image(packed=packed, sensitivity=Sensitivity.SECRET, expires_at=expires_at)
    [artifact] = made(service, build, 25, record)
    assert artifact.packed is not None
    assert artifact.packed.model_dump() == packed.model_dump()
    assert (artifact.sensitivity, artifact.expires_at) == (Sensitivity.SECRET, record.expires_at)
    assert (artifact.hold, artifact.removal) == (None, None)
    assert artifact.attempt == service.claim(build, 25).attempt.id


def test_an_artifact_that_is_somewhere_already_becomes_a_report(
    service: Service, build: Build
) -> None:
    artifact = create(service, build, 25)
    [attempt] = service.client.history(build.number)
    assert (attempt.status, attempt.kind) == (AttemptStatus.COMPLETED, Kind.CHECKPOINT)
    assert attempt.artifacts == (artifact,)
    assert service.client.get_build(build.number).resume_from == 25


def test_another_one_is_added_to_what_was_reported_or_claimed(
    service: Service, build: Build
) -> None:
    service.report(build, 10, AttemptStatus.COMPLETED)
    service.complete(service.claim(build, 25))
    for state in (10, 25):
        create(service, build, state)
        create(service, build, state, image={"name": "sbom.json"})
    history = list(service.client.history(build.number))
    assert [(each.state, each.kind, len(each.artifacts)) for each in history] == [
        (10, Kind.CHECKPOINT, 2),
        (25, Kind.CHECKPOINT, 2),
    ]
    assert service.client.get_build(build.number).resume_from == 25
    assert events(service, build) == ["artifact.added"] * 4


def test_a_name_is_used_once_in_an_attempt(service: Service, build: Build) -> None:
    create(service, build, 25)
    with pytest.raises(Conflict) as refused:
        create(service, build, 25, image={"content": "other"})
    assert (refused.value.code, refused.value.field) == ("artifact-exists", "name")
    assert "report the state again" in (refused.value.hint or "")
    service.report(build, 25, AttemptStatus.FAILED)
    assert create(service, build, 25).name == "image.qcow2"
    assert [each.attempt for each in service.client.history(build.number)] == [1, 2, 3]


def test_while_a_worker_has_the_state_its_token_is_needed(service: Service, build: Build) -> None:
    claim = service.claim(build, 25)
    with pytest.raises(Held) as held:
        create(service, build, 25)
    assert (held.value.holder, held.value.until) == ("worker-a", claim.lease_until)
    with pytest.raises(StaleClaim):
        create(service, build, 25, token="another")
    artifact = create(service, build, 25, token=claim.token)
    assert artifact.attempt == claim.attempt.id
    assert service.client.get_build(build.number).resume_from is None
    assert service.claim(build, 25, "worker-b").decision == "held"

    with pytest.raises(Conflict) as refused:
        service.complete(claim, image())
    assert (refused.value.code, refused.value.field) == ("artifact-exists", "name")
    done = service.complete(claim, image("sbom.json"))
    assert [each.name for each in done.artifacts] == ["image.qcow2", "sbom.json"]
    assert (done.kind, service.client.get_build(build.number).resume_from) == ("checkpoint", 25)


def test_an_artifact_recorded_by_a_worker_that_fails_is_never_restored(
    service: Service, build: Build
) -> None:
    claim = service.claim(build, 25)
    create(service, build, 25, token=claim.token)
    service.fail(claim)
    with pytest.raises(StaleClaim):
        create(service, build, 25, token=claim.token, image={"name": "late"})
    with pytest.raises(Refused) as refused:
        service.claim(build, 50)
    assert (refused.value.state, refused.value.reason) == (25, "failed_before")
    again = service.claim(build, 25)
    assert (again.decision, again.restore) == ("run", ())
    service.complete(again)
    above = service.claim(build, 50)
    assert (above.decision, above.restore) == ("run", ())


def test_a_token_without_a_claim_is_stale(service: Service, build: Build) -> None:
    with pytest.raises(StaleClaim) as refused:
        create(service, build, 25, token="made up")
    assert refused.value.field == "token"


def test_what_was_given_up_takes_no_artifact(service: Service, build: Build) -> None:
    service.client.cancel_build(build.number, Cancel(reason="called off"))
    with pytest.raises(Conflict) as refused:
        create(service, build, 25)
    assert refused.value.code == "build-cancelled"


# ---- where it may lie ----


def test_a_label_is_kept_to_its_places(service: Service, build: Build, project: str) -> None:
    places: dict[Sensitivity, tuple[str, ...]] = {Sensitivity.SECRET: ("s3://vault/",)}
    service.client.update_project(project, ProjectUpdate(allowed_places=places))
    claim = service.claim(build, 25)
    assert claim.storage is not None
    assert claim.storage.allowed_places == places
    for uri in ("s3://builds/x", "s3://vault/../builds/x", "s3://vault/%2E./builds/x"):
        secret = image(sensitivity=Sensitivity.SECRET, uri=uri)
        before = service.counts()
        for record in (
            lambda secret=secret: service.complete(claim, image("first"), secret),
            lambda secret=secret: service.report(build, 10, AttemptStatus.COMPLETED, secret),
            lambda secret=secret: create(
                service, build, 10, image={"uri": secret.uri}, sensitivity=Sensitivity.SECRET
            ),
        ):
            with pytest.raises(InvalidInput) as refused:
                record()
            assert refused.value.code == "place-not-allowed"
            assert refused.value.field in {"artifacts.1.uri", "artifacts.0.uri", "uri"}
            for word in ("secret", uri, "s3://vault/"):
                assert word in refused.value.message
        assert service.counts() == before
    kept = image(sensitivity=Sensitivity.SECRET, uri=f"s3://vault/{build.number}")
    service.complete(claim, image("first"), kept)


@pytest.mark.parametrize(
    "record", [pytest.param(HANDLE, id="handle"), pytest.param(VALUE, id="value")]
)
def test_what_is_not_bytes_has_no_place_to_be_kept_to(
    service: Service, build: Build, project: str, record: ArtifactRecord
) -> None:
    places: dict[Sensitivity, tuple[str, ...]] = {Sensitivity.INTERNAL: ("s3://vault/",)}
    service.client.update_project(project, ProjectUpdate(allowed_places=places))
    done = service.complete(service.claim(build, 25), record)
    assert [each.uri for each in done.artifacts] == [record.uri]
    more = ArtifactCreate.model_validate({**record.model_dump(), "name": "more", "state": 25})
    assert service.client.create_artifact(build.number, more).uri == record.uri


# ---- what is moved right now ----


def test_an_attempt_shows_what_its_worker_moves_until_it_ends(
    service: Service, build: Build
) -> None:
    claim = service.claim(build, 25)
    path = f"/v1/attempts/{claim.attempt.id}"
    moved = {"activity": "uploading", "name": "image.qcow2", "done_bytes": 34, "total_bytes": 100}
    beat: dict[str, object] = {"token": claim.token, "transfer": {**moved, "seconds_left": 41}}

    def shown() -> Any:
        return service.request("GET", path).json["transfer"]

    assert shown() is None
    assert service.request("POST", f"{path}/heartbeat", beat).status == 200
    assert shown().pop("at")
    assert shown() | moved | {"seconds_left": 41.0} == shown()
    service.heartbeat(claim)
    assert shown() is None
    service.request("POST", f"{path}/heartbeat", beat)
    service.complete(claim)
    assert shown() is None
    assert service.query("SELECT transfer FROM build_states WHERE id = %s", claim.attempt.id) == [
        {"transfer": None}
    ]


def test_a_report_can_say_all_of_an_artifact(service: Service, build: Build) -> None:
    record = image(
        sensitivity=Sensitivity.PUBLIC,
        packed=PackedRecord(checksum=f"sha256:{'2' * 64}", size_bytes=3),
    )
    report = Report(state=25, status=AttemptStatus.COMPLETED, artifacts=(record,))
    [artifact] = service.client.report(build.number, report).artifacts
    assert (artifact.sensitivity, artifact.packed is not None) == (Sensitivity.PUBLIC, True)
