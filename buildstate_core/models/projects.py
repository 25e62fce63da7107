"""Projects and their catalogues."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool, StringConstraints

from buildstate_core.locations import check_location
from buildstate_core.models.base import (
    Line,
    ProjectName,
    Request,
    Resource,
    State,
    Time,
    Uri,
    storable,
)
from buildstate_core.models.retention import AllowedPlaces, Retention
from buildstate_core.vocabulary import AutoResume, Compression, Sensitivity, Trace


class CatalogState(Request):
    """One state of a catalogue."""

    code: State
    name: Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(storable)]
    description: Line = ""
    color: Annotated[
        str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$"), Field(examples=["#2563eb"])
    ] = "#64748b"
    requires: tuple[State, ...] = ()
    required: StrictBool = False
    expected_seconds: Annotated[int, Field(strict=True, ge=0, le=10**9)] | None = None


def _unique_codes(states: tuple[CatalogState, ...]) -> tuple[CatalogState, ...]:
    codes = [each.code for each in states]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise ValueError(f"state {twice[0]} is listed more than once")
    unknown = sorted({code for each in states for code in each.requires} - set(codes))
    if unknown:
        raise ValueError(f"state {unknown[0]} is required by another, but is not listed")
    for each in states:
        later = [code for code in each.requires if code >= each.code]
        if later:
            raise ValueError(f"state {each.code} requires {later[0]}, which is not before it")
    return tuple(sorted(states, key=lambda each: each.code))


CatalogStates = Annotated[
    tuple[CatalogState, ...], Field(min_length=1, max_length=101), AfterValidator(_unique_codes)
]


class CatalogSet(Request):
    """A whole new catalogue; it becomes the next version."""

    states: CatalogStates


class Catalog(Resource):
    """One version of a project's list of states."""

    project: str
    version: int
    states: tuple[CatalogState, ...]
    created_at: Time


def _a_storage(value: str) -> str:
    check_location(value)
    return value


StorageUrl = Annotated[
    Uri,
    AfterValidator(_a_storage),
    Field(
        examples=["s3://builds/{project}/{build}/state-{state:02d}/{attempt}/{name}"],
        description="Where artifacts are put: a folder, or a template with {attempt} and {name}.",
    ),
]


MaxResumes = Annotated[
    int,
    Field(strict=True, ge=0, le=100, description="How often one build is resumed by itself."),
]


class ProjectCreate(Request):
    """A new project. Without `states` it begins with the default catalogue."""

    name: ProjectName
    description: Line = ""
    storage_url: StorageUrl | None = None
    states: CatalogStates | None = None
    auto_resume: AutoResume = AutoResume.NEVER
    max_auto_resumes: MaxResumes = 3
    compression: Compression = Compression.AUTO
    deduplicate: StrictBool = False
    trace: Trace = Trace.OFF
    allowed_places: AllowedPlaces = Field(default_factory=dict)
    retention: Retention | None = Field(
        default=None, description="For how long artifacts are kept; null for ever."
    )


class ProjectUpdate(Request):
    """What is to change of a project; what is left out stays."""

    description: Line | None = None
    storage_url: StorageUrl | None = None
    auto_resume: AutoResume | None = None
    max_auto_resumes: MaxResumes | None = None
    compression: Compression | None = None
    deduplicate: StrictBool | None = None
    trace: Trace | None = None
    allowed_places: AllowedPlaces | None = None
    retention: Retention | None = None


class Project(Resource):
    """A line of images with its own catalogue and artifact storage."""

    id: UUID
    name: str
    description: str
    storage_url: str | None
    catalog_version: int
    auto_resume: AutoResume = AutoResume.NEVER
    max_auto_resumes: int = 3
    compression: Compression = Compression.AUTO
    deduplicate: bool = False
    trace: Trace = Trace.OFF
    allowed_places: dict[Sensitivity, tuple[str, ...]] = Field(default_factory=dict)
    retention: Retention | None = None
    created_at: Time
