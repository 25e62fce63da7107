"""The tables. Every constraint has a name, so that a service can turn it into an error."""

from buildstate_api.tables.base import Base
from buildstate_api.tables.builds import (
    DELIVERED,
    UNAVAILABLE,
    UNDELIVERED,
    ArtifactRow,
    AttemptRow,
    BuildRow,
    InheritedAttemptRow,
    ReadsRow,
    fences,
)
from buildstate_api.tables.people import InterventionRow, KeyRow
from buildstate_api.tables.projects import CatalogRow, ProjectRow, StateCodeRow
from buildstate_api.tables.samples import RunSampleRow
from buildstate_api.tables.work import EventRow, IdempotencyRow, ResumeRequestRow, ServiceClockRow

__all__ = [
    "DELIVERED",
    "UNAVAILABLE",
    "UNDELIVERED",
    "ArtifactRow",
    "AttemptRow",
    "Base",
    "BuildRow",
    "CatalogRow",
    "EventRow",
    "IdempotencyRow",
    "InheritedAttemptRow",
    "InterventionRow",
    "KeyRow",
    "ProjectRow",
    "ReadsRow",
    "ResumeRequestRow",
    "RunSampleRow",
    "ServiceClockRow",
    "StateCodeRow",
    "fences",
]
