"""Values that no request may have are refused by the name of their field."""

import pytest
from pydantic import BaseModel

from buildstate_core.models import (
    Adopt,
    ArtifactRecord,
    BuildCreate,
    BuildDerive,
    Cancel,
    CatalogSet,
    CatalogState,
    ClaimRequest,
    Force,
    Heartbeat,
    KeyCreate,
    Orchestrator,
    ProjectCreate,
    ProjectUpdate,
    Quarantine,
    Report,
    Revoke,
    Waive,
)

from .requests import VALID, refused
from .resources import CHECKSUM


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        pytest.param(Report, "status", "done", id="unknown status"),
        pytest.param(Report, "status", "COMPLETED", id="status in upper case"),
        pytest.param(Report, "status", None, id="no status"),
        pytest.param(Report, "lane", "eu west", id="lane with a space"),
        pytest.param(Report, "lane", "eu\n", id="lane with a newline at the end"),
        pytest.param(Report, "lane", "-eu", id="lane that begins with a dash"),
        pytest.param(Report, "message", "a\x00b", id="NUL in a message"),
        pytest.param(Report, "message", "\ud800", id="lone surrogate in a message"),
        pytest.param(Report, "message", "x" * 10_001, id="message too long"),
        pytest.param(Report, "worker", "", id="empty worker"),
        pytest.param(Report, "worker", "a\x00", id="NUL in a worker"),
        pytest.param(Report, "at", "2026-11-24T12:00:00", id="time without a zone"),
        pytest.param(Report, "at", "2026-11-24", id="date only"),
        pytest.param(Report, "at", "yesterday", id="no time"),
        pytest.param(Report, "at", 1_700_000_000, id="seconds are no RFC 3339 time"),
        pytest.param(Report, "at", "1700000000", id="seconds as text neither"),
        pytest.param(Report, "at", True, id="a time that is true"),
        pytest.param(Report, "at", "0001-01-01T00:00:00+14:00", id="before the first year"),
        pytest.param(Report, "at", "9999-12-31T23:59:59-14:00", id="after the last year"),
        pytest.param(ArtifactRecord, "checksum", "sha256:" + "AB" * 32, id="upper case digest"),
        pytest.param(ArtifactRecord, "checksum", CHECKSUM[:-1], id="short digest"),
        pytest.param(ArtifactRecord, "checksum", CHECKSUM + "\n", id="digest and a newline"),
        pytest.param(ArtifactRecord, "checksum", "ab" * 32, id="digest without sha256:"),
        pytest.param(ArtifactRecord, "checksum", "md5:" + "ab" * 32, id="another digest"),
        pytest.param(ArtifactRecord, "size_bytes", -1, id="negative size"),
        pytest.param(ArtifactRecord, "size_bytes", 2**63, id="size beyond 64 bits"),
        pytest.param(ArtifactRecord, "size_bytes", "1", id="size as text"),
        pytest.param(ArtifactRecord, "size_bytes", 1.0, id="size as a fraction"),
        pytest.param(ArtifactRecord, "size_bytes", True, id="size that is true"),
        pytest.param(ArtifactRecord, "uri", "", id="empty uri"),
        pytest.param(ArtifactRecord, "uri", "s3://a\x00", id="NUL in a uri"),
        pytest.param(ArtifactRecord, "identity", "", id="empty identity"),
        pytest.param(ArtifactRecord, "identity", "x" * 1001, id="long identity"),
        pytest.param(ArtifactRecord, "name", "../image", id="name that leaves its folder"),
        pytest.param(ArtifactRecord, "name", "a/b", id="name with a slash"),
        pytest.param(ArtifactRecord, "name", "image\n", id="name with a newline at the end"),
        pytest.param(ArtifactRecord, "kind", "file", id="unknown kind of artifact"),
        pytest.param(ArtifactRecord, "storage_type", "S3", id="storage in upper case"),
        pytest.param(ArtifactRecord, "storage_type", "", id="empty storage"),
        pytest.param(BuildCreate, "project", "RHEL", id="project in upper case"),
        pytest.param(BuildCreate, "project", "rhel\n", id="project with a newline at the end"),
        pytest.param(BuildCreate, "restart", "yes", id="restart as text"),
        pytest.param(BuildCreate, "restart", 1, id="restart as a number"),
        pytest.param(BuildCreate, "key", "", id="empty key"),
        pytest.param(BuildCreate, "key", "a\x00", id="NUL in a key"),
        pytest.param(ClaimRequest, "kind", "stage", id="unknown kind"),
        pytest.param(ClaimRequest, "lease_seconds", 0, id="no lease"),
        pytest.param(ClaimRequest, "lease_seconds", 86_401, id="lease of more than a day"),
        pytest.param(ClaimRequest, "fingerprint", ["code"], id="fingerprint as a list"),
        pytest.param(CatalogState, "color", "red", id="colour by name"),
        pytest.param(CatalogState, "required", "yes", id="required as text"),
        pytest.param(CatalogState, "expected_seconds", -1, id="negative duration"),
        pytest.param(CatalogState, "name", "a\x00", id="NUL in a state's name"),
        pytest.param(Heartbeat, "token", "", id="empty token"),
        pytest.param(Quarantine, "reason", "artifact_lost", id="unknown reason"),
        pytest.param(Quarantine, "reason", "artifact_gone\n", id="reason and a newline"),
        pytest.param(KeyCreate, "name", "x" * 129, id="key's name too long"),
        pytest.param(Waive, "reason", "", id="no reason"),
        pytest.param(Force, "reason", " \n ", id="a reason of spaces"),
        pytest.param(Cancel, "reason", "x" * 1001, id="a reason too long"),
        pytest.param(Revoke, "reason", "a\x00", id="NUL in a reason"),
        pytest.param(Adopt, "artifacts", [], id="adopts nothing"),
        pytest.param(BuildDerive, "from_state", 101, id="derives from a state out of range"),
        pytest.param(BuildDerive, "lane", "eu west", id="derives from a lane with a space"),
        pytest.param(BuildCreate, "derived_from", "", id="derives from nothing"),
        pytest.param(ProjectUpdate, "auto_resume", "always", id="unknown policy"),
        pytest.param(ProjectUpdate, "max_auto_resumes", 101, id="too many resumes"),
        pytest.param(Orchestrator, "kind", "Prefect", id="orchestrator in upper case"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_of_its_field(
    model: type[BaseModel], field: str, value: object
) -> None:
    assert set(refused(model, VALID[model] | {field: value})) == {field}


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        pytest.param("consumes", [10, 101], "consumes.1", id="consumes a state out of range"),
        pytest.param("consumes", ["10"], "consumes.0", id="consumes a text"),
        pytest.param("machine", ["x"], "machine.0", id="a machine that holds no attempt"),
        pytest.param("fingerprint", {"code": 1}, "fingerprint.code", id="a digest as a number"),
        pytest.param("fingerprint", {"": "aa"}, "fingerprint..[key]", id="a part without a name"),
        pytest.param(
            "fingerprint", {"a\x00": "aa"}, "fingerprint.a\x00.[key]", id="NUL in a part's name"
        ),
    ],
)
def test_a_bad_value_inside_is_named_by_its_place(field: str, value: object, where: str) -> None:
    assert set(refused(ClaimRequest, {"state": 25, field: value})) == {where}


@pytest.mark.parametrize(
    ("states", "says"),
    [
        pytest.param([(10, ()), (10, ())], "state 10 is listed more than once", id="a state twice"),
        pytest.param(
            [(10, ()), (25, (15,))],
            "state 15 is required by another",
            id="requires an unlisted one",
        ),
        pytest.param(
            [(10, (25,)), (25, (10,))],
            "state 10 requires 25, which is not before it",
            id="a circle of requirements",
        ),
        pytest.param([], "at least 1", id="no state"),
    ],
)
@pytest.mark.parametrize("model", [CatalogSet, ProjectCreate], ids=lambda each: each.__name__)
def test_a_catalogue_that_contradicts_itself_is_refused(
    model: type[BaseModel], states: list[tuple[int, tuple[int, ...]]], says: str
) -> None:
    listed = [{"code": code, "name": "x", "requires": requires} for code, requires in states]
    found = refused(model, VALID[model] | {"states": listed})
    assert set(found) == {"states"}
    assert says in found["states"]


def test_a_catalogue_is_sorted_by_code() -> None:
    states = [{"code": code, "name": "x"} for code in (50, 5, 42)]
    assert [each.code for each in CatalogSet.model_validate({"states": states}).states] == [
        5,
        42,
        50,
    ]
