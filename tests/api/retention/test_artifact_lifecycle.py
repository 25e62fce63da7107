"""An artifact's way: recorded, held, given up, and removed in two steps."""

from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from support import Service, image

from buildstate_core.errors import Conflict, Held, InvalidInput, NotFound, Refused, StaleClaim
from buildstate_core.models import (
    Artifact,
    ArtifactCreate,
    ArtifactDelete,
    ArtifactRecord,
    Build,
    BuildDerive,
    Cancel,
    HoldCreate,
    Lookup,
    PackedRecord,
    ProjectUpdate,
    Quarantine,
    Report,
    Retention,
    Revoke,
)
from buildstate_core.vocabulary import ArtifactKind, AttemptStatus, Kind, Sensitivity

NUMBERS = count()
VALUE = ArtifactRecord(
    name="facts", kind=ArtifactKind.VALUE, storage_type="value", metadata={"value": 1}
)
HANDLE = ArtifactRecord(name="ami", kind=ArtifactKind.HANDLE, storage_type="ami", uri="ami-0abc")


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


@pytest.fixture
def project(service: Service) -> Iterator[str]:
    """A project of the test's own."""
    return service.make_project(f"images-{next(NUMBERS)}")


@pytest.fixture
def build(service: Service, project: str) -> Build:
    return service.make_build(project)


def made(service: Service, build: Build, state: int, *artifacts: ArtifactRecord) -> list[Artifact]:
    content = f"{build.number}/{state}"
    left = artifacts or (image(content=content),)
    return list(service.complete(service.claim(build, state), *left).artifacts)


def create(service: Service, build: Build, state: int, **fields: Any) -> Artifact:
    record = image(**fields.pop("image", {"content": f"{build.number}"})).model_dump()
    return service.client.create_artifact(
        build.number, ArtifactCreate.model_validate(record | {"state": state} | fields)
    )


def hold(service: Service, artifact: Artifact, reason: str = "a customer asks") -> Artifact:
    return service.client.hold_artifact(artifact.id, HoldCreate(reason=reason))


def delete(service: Service, artifact: Artifact) -> Artifact:
    return service.client.delete_artifact(artifact.id, ArtifactDelete(reason="not needed"))


def given_up(service: Service, build: Build) -> Artifact:
    """An artifact that nobody needs, marked and due."""
    [artifact] = made(service, build, 25)
    return give_up(service, build, artifact)


def give_up(service: Service, build: Build, artifact: Artifact) -> Artifact:
    """End a build, and have what it left marked and due."""
    service.client.cancel_build(build.number, Cancel(reason="called off"))
    delete(service, artifact)
    return due(service, artifact)


def due(service: Service, artifact: Artifact) -> Artifact:
    service.query(
        "UPDATE artifacts SET removable_at = clock_timestamp() - interval '1 second' WHERE id = %s",
        artifact.id,
    )
    return service.client.get_artifact(artifact.id)


def events(service: Service, build: Build) -> list[str]:
    page = service.request("GET", f"/v1/builds/{build.number}/events?limit=200").json
    return [each["type"] for each in page["items"] if each["type"].startswith("artifact.")]


def removable(service: Service, project: str) -> list[UUID]:
    return [each.id for each in service.client.find_artifacts(project=project, removable=True)]


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
    again = service.claim(build, 50)
    assert (again.decision, again.restore) == ("run", ())


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


# ---- held ----


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


# ---- given up ----


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


# ---- removed ----


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


# ---- found ----


def test_artifacts_of_all_builds_are_found_page_by_page(service: Service, project: str) -> None:
    first, second = (service.make_build(project) for _ in range(2))
    same = image(content=project)
    artifacts = [
        *made(service, first, 25, same),
        *made(service, second, 10),
        *made(service, second, 25, same.model_copy(update={"uri": f"s3://{project}/x"})),
    ]
    delete(service, artifacts[1])
    due(service, artifacts[1])
    ids = [each.id for each in artifacts]
    find = service.client.find_artifacts

    assert [each.id for each in find(project=project)] == ids
    assert [each.build for each in find(project=project)] == [
        first.number,
        second.number,
        second.number,
    ]
    assert [each.id for each in find(checksum=same.checksum)] == [ids[0], ids[2]]
    assert [each.id for each in find(project=project, status="expired")] == [ids[1]]
    assert [each.id for each in find(project=project, removable=False)] == [ids[0], ids[2]]
    page = service.request("GET", f"/v1/artifacts?project={project}&limit=2").json
    rest = service.request(
        "GET", f"/v1/artifacts?project={project}&limit=2&cursor={page['next_cursor']}"
    ).json
    assert [each["id"] for each in page["items"] + rest["items"]] == list(map(str, ids))
    with pytest.raises(NotFound):
        list(find(project="no-such-project"))


def test_a_lookup_tells_what_nobody_needs(service: Service, build: Build, project: str) -> None:
    gone = given_up(service, build)
    service.client.begin_removal(gone.id)
    service.client.end_removal(gone.id)
    other = service.make_build(project)
    [kept] = made(service, other, 10, image(uri=f"s3://{project}/kept"))
    live, ended, long_ago = (service.claim(other, state).attempt.id for state in (25, 50, 75))
    service.query(
        "UPDATE build_states SET status = 'lost', ended_at = clock_timestamp() - CASE id"
        " WHEN %s THEN interval '50 minutes' ELSE interval '70 minutes' END"
        " WHERE id IN (%s, %s)",
        ended,
        ended,
        long_ago,
    )
    of_attempts = [f"s3://{project}/{each}/x".upper() for each in (live, ended, long_ago)]
    uris = [kept.uri or "", gone.uri or "", *of_attempts, f"s3://{project}/x"]
    found = service.client.look_up(Lookup(uris=tuple(uris))).items
    assert [each.uri for each in found] == uris
    assert [each.use for each in found] == [
        "committed",
        "unknown",
        "under_way",
        "under_way",
        "unknown",
        "unknown",
    ]
    assert (found[0].artifact, found[0].status) == (kept.id, "available")


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
