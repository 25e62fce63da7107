"""The wire models: what the service and its clients say to each other, as JSON.

Requests refuse unknown fields by name. Resources ignore them, so that an older client can read a
newer service. Times are UTC, RFC 3339 with `Z`; sizes are bytes; durations are seconds.
"""

from buildstate_core.models.access import Event, Health, Key, KeyCreate, NewKey, Page, Problem
from buildstate_core.models.artifacts import Artifact, ArtifactRecord, ArtifactVerified, Quarantine
from buildstate_core.models.base import Request, Resource
from buildstate_core.models.builds import (
    Attempt,
    Build,
    BuildCreate,
    BuildDerive,
    Failure,
    Lane,
    Orchestrator,
    Report,
    RunBy,
)
from buildstate_core.models.claims import Claim, ClaimRequest, Complete, Fail, Heartbeat, Lease
from buildstate_core.models.interventions import (
    Adopt,
    Cancel,
    Force,
    Intervention,
    Revocation,
    Revoke,
    Waive,
)
from buildstate_core.models.plans import Explanation, Part, PartChange, Plan, PlannedMilestone
from buildstate_core.models.projects import (
    Catalog,
    CatalogSet,
    CatalogState,
    Project,
    ProjectCreate,
    ProjectUpdate,
)
from buildstate_core.models.resumes import ResumeCreate, ResumeRequest

__all__ = [
    "Adopt",
    "Artifact",
    "ArtifactRecord",
    "ArtifactVerified",
    "Attempt",
    "Build",
    "BuildCreate",
    "BuildDerive",
    "Cancel",
    "Catalog",
    "CatalogSet",
    "CatalogState",
    "Claim",
    "ClaimRequest",
    "Complete",
    "Event",
    "Explanation",
    "Fail",
    "Failure",
    "Force",
    "Health",
    "Heartbeat",
    "Intervention",
    "Key",
    "KeyCreate",
    "Lane",
    "Lease",
    "NewKey",
    "Orchestrator",
    "Page",
    "Part",
    "PartChange",
    "Plan",
    "PlannedMilestone",
    "Problem",
    "Project",
    "ProjectCreate",
    "ProjectUpdate",
    "Quarantine",
    "Report",
    "Request",
    "Resource",
    "ResumeCreate",
    "ResumeRequest",
    "Revocation",
    "Revoke",
    "RunBy",
    "Waive",
]
