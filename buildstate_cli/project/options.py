"""The options that describe a project: `create` sets them, `update` changes them."""

from typing import Annotated, Final

import typer

from buildstate_core.vocabulary import AutoResume, Compression, Trace

STORAGE_PANEL: Final = "Where artifacts are stored, and how"

RETENTION_PANEL: Final = "For how long artifacts are kept (without any of these: for ever)"

ProjectDescription = Annotated[
    str | None, typer.Option("--description", help="What it is, in a line.")
]
ProjectStorage = Annotated[
    str | None,
    typer.Option(
        "--storage-url",
        metavar="URL",
        help="Where its artifacts go: a folder (s3://bucket/prefix), or a template with {attempt}"
        " and {name}; without one, each worker's BLDST_STORAGE_URL is used.",
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
ProjectTrace = Annotated[
    Trace | None,
    typer.Option(
        "--trace",
        help="Whether what the commands of bldst run are seen to read counts, by strace, where"
        " they are not called with --trace or --no-trace. A new project begins with off.",
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
        help="When Prefect resumes its builds without being asked: never, after a worker was lost,"
        " or also after a failure. A new project begins with never.",
    ),
]
MaxAutoResumes = Annotated[
    int | None,
    typer.Option(
        "--max-auto-resumes",
        min=0,
        max=100,
        help="How often one build is resumed without being asked. A new project begins with 3.",
    ),
]
