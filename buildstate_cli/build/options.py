"""The options that several commands of `bldst build` share."""

from typing import Annotated, Final, Literal

import typer

from buildstate_cli.options import given_lane

ReportedStatus = Literal["pending", "in_progress", "completed", "failed", "cancelled"]
"""What a plain report may say."""

AnyLane = Annotated[
    str | None,
    typer.Option("--lane", callback=given_lane, help="Only this lane.  [default: all]"),
]
OnlyTrunk = Annotated[bool, typer.Option("--trunk", help="Only the trunk.")]
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
ARTIFACT_PANEL: Final = "The artifact that it left (with --status completed)"

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
