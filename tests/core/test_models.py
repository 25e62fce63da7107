from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, JsonValue, ValidationError

from buildstate_core import models
from buildstate_core.models import (
    Adopt,
    Artifact,
    ArtifactRecord,
    ArtifactVerified,
    Attempt,
    Build,
    BuildCreate,
    BuildDerive,
    Cancel,
    Catalog,
    CatalogSet,
    CatalogState,
    Claim,
    ClaimRequest,
    Complete,
    Event,
    Explanation,
    Fail,
    Failure,
    Force,
    Health,
    Heartbeat,
    Intervention,
    Key,
    KeyCreate,
    Lane,
    Lease,
    NewKey,
    Orchestrator,
    Page,
    Part,
    Plan,
    PlannedMilestone,
    Problem,
    Project,
    ProjectCreate,
    ProjectUpdate,
    Quarantine,
    Report,
    ResumeCreate,
    ResumeRequest,
    Revocation,
    Revoke,
    RunBy,
    Waive,
)

GOLDEN = Path(__file__).parent / "golden"

# --- golden ------------------------------------------------------------------------------------


def an_id(number: int) -> UUID:
    return UUID(f"0198c5a0-0000-7000-8000-{number:012}")


def a_time(minute: int) -> datetime:
    return datetime(2026, 11, 24, 12, minute, tzinfo=UTC)


def changed(model: BaseModel, **values: object) -> Any:
    return type(model).model_validate(dict(model) | values)


CHECKSUM = "sha256:" + "ab" * 32

ARTIFACT = Artifact(
    id=an_id(3),
    build=123,
    state=25,
    lane="",
    name="image.qcow2",
    kind="blob",
    storage_type="s3",
    uri="s3://builds/rhel-base/123/state-25/image.qcow2",
    size_bytes=1073741824,
    checksum=CHECKSUM,
    format="qcow2",
    compression=None,
    metadata={"virtual_size_bytes": 21474836480},
    status="available",
    created_at=a_time(20),
    expires_at=None,
)
ATTEMPT = Attempt(
    id=an_id(2),
    build=123,
    state=25,
    state_name="Security baseline",
    lane="",
    attempt=1,
    status="completed",
    kind="checkpoint",
    reason="never_completed",
    message=None,
    worker="packer-07",
    started_at=a_time(10),
    finished_at=a_time(20),
    duration_seconds=600.0,
    fingerprint={"command": CHECKSUM},
    artifacts=(ARTIFACT,),
)
LIVE_ATTEMPT = changed(
    ATTEMPT,
    id=an_id(4),
    state=50,
    state_name="Application runtimes",
    attempt=2,
    status="in_progress",
    kind=None,
    reason="failed_before",
    started_at=a_time(40),
    finished_at=None,
    duration_seconds=None,
    artifacts=(),
)
BUILD = Build(
    id=an_id(1),
    number=123,
    project="rhel-base",
    key="9.6/aws/rhel-9/base",
    version="9.6",
    platform="aws",
    os="rhel-9",
    image_type="base",
    labels={},
    status="failed",
    current_state=50,
    current_state_name="Application runtimes",
    progress=25,
    frontier=25,
    peak=25,
    active=(),
    resume_from=25,
    lanes=(),
    derived_from=None,
    catalog_version=1,
    failure=Failure(state=50, lane="", attempt=1, message="dnf: mirror timed out", at=a_time(35)),
    created_at=a_time(0),
    started_at=a_time(1),
    updated_at=a_time(35),
    finished_at=None,
)
ORCHESTRATOR = RunBy(
    flow_run_id=an_id(7),
    flow_run_name="brave-otter",
    task_run_id=an_id(8),
    deployment_id=an_id(9),
    deployment="rhel/nightly",
    work_pool="builders",
    worker="builder-2",
    ui_url="http://prefect.example/runs/flow-run/0198c5a0-0000-7000-8000-000000000007",
)
REVOKED = changed(ARTIFACT, status="revoked")
KEY = Key(
    id=an_id(5),
    name="ci",
    prefix="bldst_AbCd",
    created_at=a_time(0),
    last_used_at=a_time(30),
    revoked_at=None,
)
STATE_25 = CatalogState(
    code=25,
    name="Security baseline",
    description="The hardening baseline is applied.",
    color="#0d9488",
    requires=(10,),
    required=True,
    expected_seconds=600,
)
STATE_10 = CatalogState(code=10, name="Base bootable image")

EXAMPLES: dict[str, BaseModel] = {
    "artifact": ARTIFACT,
    "attempt": ATTEMPT,
    "attempt-orchestrated": changed(
        LIVE_ATTEMPT, compared_with=ATTEMPT.id, orchestrator=ORCHESTRATOR
    ),
    "build": BUILD,
    "build-derived": changed(
        BUILD, number=124, platform="azure", derived_from=123, derived_state=25
    ),
    "build-with-lanes": changed(
        BUILD,
        status="in_progress",
        active=(60,),
        failure=None,
        lanes=(
            Lane(
                lane="eu-west-1",
                status="in_progress",
                current_state=60,
                frontier=40,
                resume_from=25,
            ),
        ),
    ),
    "catalog": Catalog(
        project="rhel-base", version=2, states=(STATE_10, STATE_25), created_at=a_time(0)
    ),
    "claim-held": Claim(
        decision="held",
        reason="held",
        text="another worker has it",
        attempt=LIVE_ATTEMPT,
        holder="packer-07",
        lease_until=a_time(41),
    ),
    "claim-run": Claim(
        decision="run",
        reason="failed_before",
        text="its newest attempt failed",
        attempt=LIVE_ATTEMPT,
        token="a-secret-of-the-holder",
        fence=7,
        lease_seconds=60,
        lease_until=a_time(41),
        restore=(ARTIFACT,),
        storage_url="s3://builds",
    ),
    "claim-skip": Claim(
        decision="skip",
        reason="unchanged",
        text="it is done, and nothing that goes into it has changed",
        attempt=ATTEMPT,
        artifacts=(ARTIFACT,),
        is_resume_point=True,
        storage_url="s3://builds",
    ),
    "event": Event(
        id=9,
        build=123,
        type="attempt.completed",
        at=a_time(20),
        data={"state": 25, "lane": "", "attempt": 1},
    ),
    "explanation": Explanation(
        build=124,
        state=25,
        state_name="Security baseline",
        lane="",
        attempt=1,
        decision="run",
        reason="recipe_changed:command",
        text="its recipe has changed: command",
        compared_build=123,
        compared_attempt=1,
        parts=(
            Part(part="command", before="aa", now="bb", change="changed"),
            Part(part="input:hosts", before="cc", now=None, change="unknown"),
            Part(part="upstream:10", before=CHECKSUM, now=CHECKSUM, change="same"),
        ),
    ),
    "health": Health(status="ok", version="0.1.0"),
    "intervention": Intervention(
        id=an_id(10),
        build=123,
        kind="revoke",
        state=25,
        lane="",
        artifact=ARTIFACT.id,
        reason="the mirror was compromised",
        actor="ci",
        at=a_time(40),
    ),
    "key": KEY,
    "key-new": NewKey(**KEY.model_dump(), key="bldst_AbCdEfGh"),
    "lease": Lease(lease_seconds=60, lease_until=a_time(41)),
    "page": Page[Key](items=(KEY,), next_cursor="MTIz"),
    "plan": Plan(
        build=123,
        status="failed",
        resume_from=25,
        milestones=(
            PlannedMilestone(
                state=25,
                state_name="Security baseline",
                lane="",
                decision="restore",
                reason="unchanged",
                text="it is done, and nothing that goes into it has changed",
                artifacts=(ARTIFACT,),
                download_bytes=1073741824,
            ),
            PlannedMilestone(
                state=50,
                state_name="Application runtimes",
                lane="",
                decision="run",
                reason="failed_before",
                text="its newest attempt failed",
                artifacts=(),
                expected_seconds=412.5,
            ),
        ),
        download_bytes=1073741824,
        expected_seconds=412.5,
    ),
    "problem": Problem(
        type="https://buildstate.dev/problems/held",
        error="held",
        title="Held",
        status=409,
        detail="State 25 of build 123 is held by packer-07 until 12:41:00Z.",
        hint="Run this again after that.",
        holder="packer-07",
        until=a_time(41),
    ),
    "project": Project(
        id=an_id(6),
        name="rhel-base",
        description="Base images of RHEL.",
        storage_url="s3://builds",
        catalog_version=2,
        auto_resume="lost",
        max_auto_resumes=5,
        created_at=a_time(0),
    ),
    "resume-request": ResumeRequest(
        id=an_id(11),
        build=123,
        lane="eu-west-1",
        state=50,
        attempt=1,
        status="running",
        reason="lost_worker",
        flow_run_id=an_id(7),
        successor_id=an_id(12),
        successor_name="calm-heron",
        tries=1,
        next_try_at=a_time(41),
        message="calm-heron goes on in its place",
        created_at=a_time(40),
        updated_at=a_time(41),
    ),
    "revocation": Revocation(artifacts=(REVOKED,), builds=(123, 124)),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_resource_is_written_as_its_golden_file_says(name: str) -> None:
    written = EXAMPLES[name].model_dump_json(indent=2) + "\n"
    assert written == (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_resource_is_read_back_as_it_was(name: str) -> None:
    example = EXAMPLES[name]
    text = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    assert type(example).model_validate_json(text) == example


def test_every_golden_file_is_compared() -> None:
    assert {each.stem for each in GOLDEN.glob("*.json")} == set(EXAMPLES)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        pytest.param(
            Build,
            "id number project key version platform os image_type labels status current_state "
            "current_state_name progress frontier peak active resume_from lanes derived_from "
            "derived_state derived_lane catalog_version failure created_at started_at updated_at "
            "finished_at",
            id="build",
        ),
        pytest.param(Failure, "state lane attempt message at", id="failure"),
        pytest.param(
            Attempt,
            "id build state state_name lane attempt status kind reason message worker started_at "
            "finished_at duration_seconds fingerprint artifacts compared_with orchestrator "
            "transfer",
            id="attempt",
        ),
        pytest.param(
            Artifact,
            "id build state lane name kind storage_type uri size_bytes checksum format compression "
            "metadata status created_at expires_at attempt packed sensitivity hold removal "
            "identity status_reason",
            id="artifact",
        ),
    ],
)
def test_a_resource_has_the_fields_of_the_design_in_their_order(
    model: type[BaseModel], fields: str
) -> None:
    assert " ".join(model.model_fields) == fields


def test_every_exported_model_exists_and_is_exported_once() -> None:
    assert len(set(models.__all__)) == len(models.__all__)
    assert all(isinstance(getattr(models, name), type) for name in models.__all__)


# --- times -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("2026-11-24T12:41:00Z", id="Z"),
        pytest.param("2026-11-24t12:41:00z", id="lower case"),
        pytest.param("2026-11-24T12:41:00+00:00", id="offset zero"),
        pytest.param("2026-11-24T14:41:00+02:00", id="another zone"),
        pytest.param("2026-11-24 12:41:00Z", id="a space"),
        pytest.param(datetime(2026, 11, 24, 7, 41, tzinfo=timezone(timedelta(hours=-5))), id="py"),
    ],
)
def test_a_time_ends_in_z_whatever_zone_it_was_given_in(given: object) -> None:
    lease = Lease.model_validate({"lease_seconds": 60, "lease_until": given})
    assert lease.model_dump(mode="json")["lease_until"] == "2026-11-24T12:41:00Z"


def test_every_time_in_the_golden_files_ends_in_z() -> None:
    for name in EXAMPLES:
        for line in (GOLDEN / f"{name}.json").read_text(encoding="utf-8").splitlines():
            if "T12:" in line:
                assert line.rstrip(",").endswith('Z"'), (name, line)


# --- refused -----------------------------------------------------------------------------------

WHY = "the mirror was compromised"

VALID: dict[type[BaseModel], dict[str, Any]] = {
    Adopt: {
        "state": 25,
        "artifacts": [{"storage_type": "s3", "uri": "s3://builds/image.qcow2"}],
        "reason": WHY,
    },
    ArtifactRecord: {"storage_type": "s3", "uri": "s3://builds/image.qcow2"},
    ArtifactVerified: {"checksum": CHECKSUM, "size_bytes": 1},
    BuildCreate: {"project": "rhel-base"},
    BuildDerive: {},
    Cancel: {"reason": WHY},
    CatalogSet: {"states": [{"code": 10, "name": "Base"}]},
    CatalogState: {"code": 10, "name": "Base"},
    ClaimRequest: {"state": 25},
    Complete: {"token": "t"},
    Fail: {"token": "t", "message": "no"},
    Force: {"state": 25, "reason": WHY},
    Heartbeat: {"token": "t"},
    KeyCreate: {"name": "ci"},
    Orchestrator: {"flow_run_id": str(an_id(7))},
    ProjectCreate: {"name": "rhel-base"},
    ProjectUpdate: {},
    Quarantine: {"reason": "artifact_gone"},
    Report: {"state": 25, "status": "completed"},
    ResumeCreate: {},
    Revoke: {"reason": WHY},
    Waive: {"state": 25, "reason": WHY},
    models.ArtifactCreate: {"state": 25, "storage_type": "s3", "uri": "s3://b/k"},
    models.ArtifactDelete: {"reason": WHY},
    models.HoldCreate: {"reason": WHY},
    models.Lookup: {"uris": ["s3://b/k"]},
    models.PackedRecord: {"checksum": "sha256:" + "0" * 64, "size_bytes": 1},
    models.Retention: {},
    models.Transfer: {"activity": "uploading", "name": "image", "done_bytes": 1},
}


def refused(model: type[BaseModel], values: dict[str, Any]) -> dict[str, str]:
    """Give what was found wrong, by the dotted name of its field."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    return {".".join(map(str, each["loc"])): each["msg"] for each in caught.value.errors()}


@pytest.mark.parametrize("model", VALID, ids=lambda each: each.__name__)
def test_a_request_refuses_an_unknown_field_and_names_it(model: type[BaseModel]) -> None:
    model.model_validate(VALID[model])
    assert set(refused(model, VALID[model] | {"colour": "red"})) == {"colour"}


def test_every_request_is_among_those_tested() -> None:
    requests = {each for each in vars(models).values() if isinstance(each, type)}
    assert set(VALID) == {
        each for each in requests if issubclass(each, models.Request) and each is not models.Request
    }


def test_a_request_names_an_unknown_field_inside() -> None:
    record = VALID[ArtifactRecord] | {"sha": "ab"}
    assert set(refused(Report, VALID[Report] | {"artifacts": [record]})) == {"artifacts.0.sha"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_resource_ignores_a_field_from_a_newer_service(name: str) -> None:
    example = EXAMPLES[name]
    newer = example.model_dump(mode="json") | {"from_the_future": 1}
    assert type(example).model_validate(newer) == example


@pytest.mark.parametrize("value", [-1, 101, "abc", "25", True, 25.0, None, [25]], ids=repr)
@pytest.mark.parametrize(
    ("model", "field"),
    [
        (Report, "state"),
        (ClaimRequest, "state"),
        (CatalogState, "code"),
        (Waive, "state"),
        (Force, "state"),
        (Adopt, "state"),
    ],
    ids=["report", "claim", "catalogue", "waive", "force", "adopt"],
)
def test_a_state_is_an_integer_from_0_to_100(
    model: type[BaseModel], field: str, value: object
) -> None:
    assert set(refused(model, VALID[model] | {field: value})) == {field}


@pytest.mark.parametrize("value", [0, 42, 100])
def test_any_integer_in_range_is_a_state(value: int) -> None:
    assert Report.model_validate({"state": value, "status": "completed"}).state == value


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


def nested(levels: int) -> JsonValue:
    value: JsonValue = 0
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        pytest.param({"a": [{"b": "\ud800"}]}, "surrogate", id="lone surrogate in a value"),
        pytest.param({"a": {"\udfff": 1}}, "surrogate", id="lone surrogate in a name"),
        pytest.param({"a": ["x\x00"]}, "NUL", id="NUL in a value"),
        pytest.param({"a": {"x\x00": 1}}, "NUL", id="NUL in a name"),
        pytest.param(nested(34), "32 levels", id="nested too deep"),
        pytest.param({"a": float("nan")}, "not a JSON number", id="not a number"),
        pytest.param({"a": [float("inf")]}, "not a JSON number", id="infinite"),
    ],
)
def test_metadata_that_cannot_be_kept_is_refused(metadata: JsonValue, says: str) -> None:
    found = refused(ArtifactRecord, VALID[ArtifactRecord] | {"metadata": metadata})
    assert set(found) == {"metadata"}
    assert says in found["metadata"]


def test_json_that_is_no_json_number_is_refused_as_text_too() -> None:
    with pytest.raises(ValidationError, match="not a JSON number"):
        ArtifactRecord.model_validate_json(
            '{"storage_type": "s3", "uri": "s3://b/i", "metadata": {"a": NaN}}'
        )


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(nested(32), id="nested as deep as is kept"),
        pytest.param({"ü": ["\U0001f4be", None, True, 1.5, -1, 2**70, {}]}, id="all of JSON"),
    ],
)
def test_metadata_is_kept_as_it_is(metadata: JsonValue) -> None:
    record = ArtifactRecord.model_validate(VALID[ArtifactRecord] | {"metadata": metadata})
    assert record.metadata == metadata


def test_two_artifacts_of_one_name_are_refused() -> None:
    twice = [VALID[ArtifactRecord] | {"name": "disk"}, VALID[ArtifactRecord] | {"name": "disk"}]
    found = refused(Complete, {"token": "t", "artifacts": twice})
    assert set(found) == {"artifacts"}
    assert '"disk"' in found["artifacts"]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        pytest.param({"kind": "value"}, "metadata.value", id="a value without its value"),
        pytest.param({"kind": "blob"}, "blob artifact needs a uri", id="a blob without a uri"),
        pytest.param(
            {"kind": "handle"}, "handle artifact needs a uri", id="a handle without an id"
        ),
    ],
)
def test_an_artifact_that_points_at_nothing_is_refused(values: dict[str, Any], says: str) -> None:
    found = refused(ArtifactRecord, {"storage_type": "s3"} | values)
    assert says in found[""]


CHECKSUM = f"sha256:{'0' * 64}"
KNOWN = {"checksum": CHECKSUM, "size_bytes": 7}


@pytest.mark.parametrize(
    ("values", "where", "says"),
    [
        pytest.param({}, "packed", "checksum is missing", id="nothing is known"),
        pytest.param({"checksum": CHECKSUM}, "packed", "size_bytes is missing", id="no size"),
        pytest.param({"size_bytes": 7}, "packed", "checksum is missing", id="no checksum"),
        pytest.param(KNOWN | {"kind": "handle"}, "packed", "a handle is not stored", id="handle"),
        pytest.param(
            KNOWN | {"kind": "value", "metadata": {"value": 1}},
            "packed",
            "a value is not stored",
            id="value",
        ),
        pytest.param(
            KNOWN | {"packed": KNOWN | {"compression": "none"}},
            "packed.compression",
            "none packs nothing",
            id="not compressed",
        ),
    ],
)
def test_what_is_packed_has_to_be_known_as_it_was(
    values: dict[str, Any], where: str, says: str
) -> None:
    record = {"storage_type": "s3", "uri": "s3://b/i", "packed": KNOWN}
    assert says in refused(ArtifactRecord, record | values)[where]
    assert ArtifactRecord.model_validate(record | KNOWN).packed is not None


@pytest.mark.parametrize(
    "uri",
    [
        *("s3://b", "s3://b/", "s3://b//", "S3:///key", "gs://", "az://box", "sftp://nas"),
        *("sftp://nas/", "foo://", "rbd:///", "file:///", "file://nas/srv/a", "file://"),
    ],
)
def test_a_blob_lies_at_something_that_can_be_looked_for(uri: str) -> None:
    record = {"storage_type": "s3", "uri": uri}
    assert "it names no" in refused(ArtifactRecord, record)["uri"]
    assert ArtifactRecord.model_validate(record | {"kind": "handle"}).uri == uri


def test_only_a_handle_has_an_identity() -> None:
    ami = {"storage_type": "ami", "kind": "handle", "uri": "ami-0abc", "identity": "made today"}
    assert ArtifactRecord.model_validate(ami).identity == "made today"
    assert "blob artifact has no identity" in refused(ArtifactRecord, ami | {"kind": "blob"})[""]


def test_a_value_may_be_null() -> None:
    values = {"storage_type": "none", "kind": "value", "metadata": {"value": None}}
    assert ArtifactRecord.model_validate(values).uri is None


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
