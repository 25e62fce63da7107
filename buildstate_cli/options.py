"""The options and arguments that several commands share."""

from enum import StrEnum
from typing import Annotated, Final, Literal

import typer

from buildstate_core.vocabulary import (
    MAX_STATE,
    MIN_STATE,
    AutoResume,
    Compression,
    Sensitivity,
)


class Format(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


ReportedStatus = Literal["pending", "in_progress", "completed", "failed", "cancelled"]
"""What a plain report may say."""

ARTIFACT_PANEL: Final = "The artifact that it left (with --status completed)"

STORAGE_PANEL: Final = "Where artifacts are stored, and how"

RETENTION_PANEL: Final = "For how long artifacts are kept (without any of these: for ever)"

Output = Annotated[
    Format,
    typer.Option(
        "--output", "-o", help="Print a table for people, or the resource itself for scripts."
    ),
]
BuildRef = Annotated[
    str, typer.Argument(metavar="BUILD", help="The build: its number (123 or #123) or its id.")
]
ProjectArgument = Annotated[
    str, typer.Argument(metavar="PROJECT", help="The project's name.", show_default=False)
]
ArtifactArgument = Annotated[str, typer.Argument(metavar="ARTIFACT", help="The artifact's id.")]
AnyProject = Annotated[
    str | None, typer.Option("--project", "-p", help="Only of this one.  [default: all]")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
StateArgument = Annotated[
    int,
    typer.Argument(
        metavar="STATE", min=MIN_STATE, max=MAX_STATE, help="Where in the process, 0 to 100."
    ),
]
Reason = Annotated[
    str,
    typer.Option("--reason", help="Why, for whoever reads it later.", show_default=False),
]
State = Annotated[
    int, typer.Option("--state", min=MIN_STATE, max=MAX_STATE, help="Where in the process.")
]
AnyState = Annotated[
    int | None,
    typer.Option("--state", min=MIN_STATE, max=MAX_STATE, help="Only this state.  [default: all]"),
]
Lane = Annotated[
    str, typer.Option("--lane", help="The lane.  [default: the trunk]", show_default=False)
]
AnyLane = Annotated[
    str | None,
    typer.Option("--lane", help='Only this lane; "" for the trunk.  [default: all]'),
]
Platform = Annotated[str | None, typer.Option("--platform", help="The cloud or hypervisor (aws).")]
Version = Annotated[str | None, typer.Option("--version", help="The image's version.")]
Os = Annotated[str | None, typer.Option("--os", help="The operating system (rhel-9).")]
ImageType = Annotated[str | None, typer.Option("--image-type", help="The kind of image (base).")]
BuildKey = Annotated[
    str | None,
    typer.Option(
        "--key",
        help="What makes it the same build from any worker.  [default: version, platform, os"
        " and image type]",
    ),
]
BuildLabels = Annotated[
    list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="A label; repeatable.")
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print the build's number and nothing else.")
]
Worker = Annotated[
    str | None,
    typer.Option("--worker", help="Who did it.  [default: BLDST_WORKER, then the host's name]"),
]
HappenedAt = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help="When it happened, RFC 3339 with a zone (2026-11-24T12:00:00Z).  [default: now]",
    ),
]

StorageOverride = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="Where to put it: a folder or a template.  [default: the project's storage]",
    ),
]
Compress = Annotated[
    Compression | None,
    typer.Option(
        "--compress",
        help="How to store it: as it is, compressed, or as a quick look says.  [default: what the"
        " project says]",
    ),
]
ArtifactSensitivity = Annotated[
    Sensitivity,
    typer.Option("--sensitivity", help="Who may see it; a project says where each may be stored."),
]
ArtifactExpires = Annotated[
    str | None,
    typer.Option(
        "--expires",
        metavar="AGE|TIME",
        help="When it is no longer needed: 12h, 30d, 2w, or a time with a zone"
        " (2027-01-31T12:00:00Z).  [default: never]",
    ),
]
ClaimToken = Annotated[
    str | None,
    typer.Option("--token", help="That of the live claim on the state, if there is one."),
]

ProjectDescription = Annotated[
    str | None, typer.Option("--description", help="What it is, in a line.")
]
ProjectStorage = Annotated[
    str | None,
    typer.Option(
        "--storage-url",
        metavar="URL",
        help="Where its artifacts go: a folder (s3://bucket/prefix), or a template with {attempt}"
        " and {name}; without one each worker's BLDST_STORAGE_URL says so.",
        rich_help_panel=STORAGE_PANEL,
    ),
]
ProjectCompression = Annotated[
    Compression | None,
    typer.Option(
        "--compression",
        help="How artifacts are stored: as they are, compressed, or as a quick look says. A new"
        " project begins with auto.",
        rich_help_panel=STORAGE_PANEL,
    ),
]
ProjectDeduplicate = Annotated[
    bool | None,
    typer.Option(
        "--deduplicate/--no-deduplicate",
        help="Whether bytes that the project has already are copied within the storage.",
        rich_help_panel=STORAGE_PANEL,
    ),
]
ProjectAllow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="LABEL=URI_PREFIX",
        help="Where artifacts of a sensitivity may be stored, and nowhere else; repeatable."
        " LABEL=anywhere takes that back.",
        rich_help_panel=STORAGE_PANEL,
    ),
]
KeepDeliveredBuilds = Annotated[
    int | None,
    typer.Option(
        "--keep-delivered-builds",
        min=0,
        max=10_000,
        help="How many of the newest delivered builds keep all checkpoints.  [default: 5]",
        rich_help_panel=RETENTION_PANEL,
    ),
]
KeepDays = Annotated[
    int | None,
    typer.Option(
        "--keep-days",
        min=0,
        max=36_500,
        help="For how many days everything else is kept.  [default: 30]",
        rich_help_panel=RETENTION_PANEL,
    ),
]
KeepDelivered = Annotated[
    bool | None,
    typer.Option(
        "--keep-delivered/--no-keep-delivered",
        help="Whether what builds delivered is kept for ever.  [default: it is]",
        rich_help_panel=RETENTION_PANEL,
    ),
]
GraceHours = Annotated[
    int | None,
    typer.Option(
        "--grace-hours",
        min=0,
        max=8_760,
        help="How many hours the bytes stay after they were given up.  [default: 24]",
        rich_help_panel=RETENTION_PANEL,
    ),
]
NoRetention = Annotated[
    bool,
    typer.Option(
        "--no-retention", help="Keep everything for ever.", rich_help_panel=RETENTION_PANEL
    ),
]
ProjectAutoResume = Annotated[
    AutoResume | None,
    typer.Option(
        "--auto-resume",
        help="After what its builds go on by themselves, by way of Prefect: never, after a worker"
        " was lost, or after a failure too. A new project begins with never.",
    ),
]
MaxAutoResumes = Annotated[
    int | None,
    typer.Option(
        "--max-auto-resumes",
        min=0,
        max=100,
        help="How often one build may go on by itself. A new project begins with 3.",
    ),
]
ApplyToOpen = Annotated[
    bool,
    typer.Option("--apply-to-open", help="Builds in flight take the new version over, too."),
]

StorageType = Annotated[
    str | None,
    typer.Option(
        "--storage-type",
        help="s3, nfs, file, ebs, ami, ceph, azure, gcs, …  [default: from the path]",
        rich_help_panel=ARTIFACT_PANEL,
    ),
]
StoragePath = Annotated[
    str | None,
    typer.Option(
        "--storage-path",
        metavar="URI",
        help="Where it is: a URI, an absolute path, or with --storage-type an id (snap-0abc).",
        rich_help_panel=ARTIFACT_PANEL,
    ),
]
ArtifactSize = Annotated[
    int | None,
    typer.Option(
        "--artifact-size", min=0, help="Its size in bytes.", rich_help_panel=ARTIFACT_PANEL
    ),
]
Checksum = Annotated[
    str | None,
    typer.Option(
        "--checksum",
        metavar="sha256:HEX",
        help="Its digest.  [default: unverified until the first pull]",
        rich_help_panel=ARTIFACT_PANEL,
    ),
]
ArtifactName = Annotated[
    str | None,
    typer.Option(
        "--artifact-name",
        help="Its name in the milestone.  [default: the file's name]",
        rich_help_panel=ARTIFACT_PANEL,
    ),
]
ArtifactFormat = Annotated[
    str | None,
    typer.Option("--format", help="qcow2, vhd, raw, tar, …", rich_help_panel=ARTIFACT_PANEL),
]
