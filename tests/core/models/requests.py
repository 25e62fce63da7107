"""One valid request of each kind, and how it is refused."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from buildstate_core import models
from buildstate_core.models import (
    Adopt,
    ArtifactRecord,
    ArtifactVerified,
    BuildCreate,
    BuildDerive,
    Cancel,
    CatalogSet,
    CatalogState,
    ClaimRequest,
    Complete,
    Discovered,
    Fail,
    Force,
    Heartbeat,
    KeyCreate,
    Orchestrator,
    ProjectCreate,
    ProjectUpdate,
    Quarantine,
    Report,
    ResumeCreate,
    Revoke,
    Waive,
)

from .resources import CHECKSUM, an_id

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
    Discovered: {"path": "conf/hosts", "what": "absent"},
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
