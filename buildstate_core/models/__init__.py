"""The wire models: what the service and its clients say to each other, as JSON.

Requests refuse unknown fields by name. Resources ignore them, so that an older client can read a
newer service. Times are UTC, RFC 3339 with `Z`; sizes are bytes; durations are seconds.
"""

from buildstate_core.models.access import Event, Health, Key, KeyCreate, NewKey, Page, Problem
from buildstate_core.models.artifacts import Artifact, ArtifactRecord, ArtifactVerified, Quarantine
from buildstate_core.models.base import Request, Resource
from buildstate_core.models.builds import Attempt, Build, BuildCreate, Failure, Lane, Report
from buildstate_core.models.claims import Claim, ClaimRequest, Complete, Fail, Heartbeat, Lease
from buildstate_core.models.plans import Plan, PlannedMilestone
from buildstate_core.models.projects import (
    Catalog,
    CatalogSet,
    CatalogState,
    Project,
    ProjectCreate,
)

__all__ = [
    "Artifact",
    "ArtifactRecord",
    "ArtifactVerified",
    "Attempt",
    "Build",
    "BuildCreate",
    "Catalog",
    "CatalogSet",
    "CatalogState",
    "Claim",
    "ClaimRequest",
    "Complete",
    "Event",
    "Fail",
    "Failure",
    "Health",
    "Heartbeat",
    "Key",
    "KeyCreate",
    "Lane",
    "Lease",
    "NewKey",
    "Page",
    "Plan",
    "PlannedMilestone",
    "Problem",
    "Project",
    "ProjectCreate",
    "Quarantine",
    "Report",
    "Request",
    "Resource",
]
