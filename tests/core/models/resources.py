"""One of each resource, as its golden file has it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from buildstate_core.models import (
    Artifact,
    Attempt,
    Build,
    Catalog,
    CatalogState,
    Claim,
    Event,
    Explanation,
    Failure,
    Health,
    Intervention,
    Key,
    Lane,
    Lease,
    NewKey,
    Page,
    Part,
    Plan,
    PlannedMilestone,
    Problem,
    Project,
    RecordedRead,
    ResumeRequest,
    Revocation,
    RunBy,
)

GOLDEN = Path(__file__).parent / "golden"


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
        discovered=(RecordedRead(path="conf/hosts", what="file", digest="ab" * 32),),
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
