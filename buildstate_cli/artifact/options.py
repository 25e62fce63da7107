"""The options and arguments of `bldst artifact` that commands share, or that describe a record."""

from typing import Annotated, Final

import typer

from buildstate_core.vocabulary import ArtifactKind

_WHERE_PANEL: Final = "Where it is, and what"

ArtifactArgument = Annotated[str, typer.Argument(metavar="ARTIFACT", help="The artifact's id.")]
AnyProject = Annotated[
    str | None, typer.Option("--project", "-p", help="Only this project.  [default: all]")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
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
    typer.Option("--token", help="The token of the live claim on the state, if there is one."),
]
ArtifactUri = Annotated[
    str | None,
    typer.Option(
        "--uri",
        "--storage-path",
        metavar="URI",
        help="Where it is: a URI, an absolute path, or with --storage-type an id (snap-0abc).",
        rich_help_panel=_WHERE_PANEL,
    ),
]
ArtifactName = Annotated[
    str | None,
    typer.Option(
        "--name",
        "--artifact-name",
        help="Its name in the milestone.  [default: the file's name]",
        rich_help_panel=_WHERE_PANEL,
    ),
]
KindOfArtifact = Annotated[
    ArtifactKind | None,
    typer.Option(
        "--kind",
        help="Bytes, an id of something else, or a small value.  [default: from the URI]",
        rich_help_panel=_WHERE_PANEL,
    ),
]
ArtifactStorageType = Annotated[
    str | None,
    typer.Option(
        "--storage-type",
        help="s3, nfs, file, ebs, ami, ceph, azure, gcs, …  [default: from the URI]",
        rich_help_panel=_WHERE_PANEL,
    ),
]
ArtifactSize = Annotated[
    int | None,
    typer.Option(
        "--size",
        "--artifact-size",
        min=0,
        help="Its size in bytes.",
        rich_help_panel=_WHERE_PANEL,
    ),
]
ArtifactChecksum = Annotated[
    str | None,
    typer.Option(
        "--checksum",
        metavar="sha256:HEX",
        help="Its digest.  [default: unverified until the first pull]",
        rich_help_panel=_WHERE_PANEL,
    ),
]
ArtifactFileFormat = Annotated[
    str | None,
    typer.Option("--format", help="qcow2, vhd, raw, tar, …", rich_help_panel=_WHERE_PANEL),
]
ArtifactFileCompression = Annotated[
    str | None,
    typer.Option(
        "--compression",
        help="How the file itself is compressed: gzip, xz, zstd, …",
        rich_help_panel=_WHERE_PANEL,
    ),
]
ArtifactMetadata = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata",
        metavar="KEY=VALUE",
        help="What else is to be recorded of it; repeatable.",
        rich_help_panel=_WHERE_PANEL,
    ),
]
