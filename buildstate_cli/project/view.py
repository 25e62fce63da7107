"""Projects, for people."""

from collections.abc import Sequence

from buildstate_cli.output import formats
from buildstate_cli.output.page import Fields, Page, Table
from buildstate_cli.project import retention_view
from buildstate_core.models import Project

_COLUMNS = ("PROJECT", "CATALOG", "STORAGE", "DESCRIPTION")

_FREE_TEXT = frozenset({"STORAGE", "DESCRIPTION"})


def listing(projects: Sequence[Project]) -> Page:
    """Return a table of projects."""
    rows = [
        (each.name, str(each.catalog_version), each.storage_url or "", each.description)
        for each in projects
    ]
    empty = "No projects. To make one: bldst project create NAME"
    return [Table(columns=_COLUMNS, rows=rows, free_text=_FREE_TEXT, empty=empty)]


def one(project: Project) -> Page:
    """Return the fields of one project by their JSON names."""
    fields = [
        ("id", str(project.id)),
        ("name", project.name),
        ("description", project.description),
        ("storage_url", project.storage_url or "none: each worker's own"),
        ("compression", project.compression),
        ("deduplicate", "yes" if project.deduplicate else "no"),
        (
            "allowed_places",
            retention_view.places(project.allowed_places) or "every label: anywhere",
        ),
        ("retention", retention_view.policy(project.retention)),
        ("catalog_version", str(project.catalog_version)),
        ("auto_resume", project.auto_resume),
        ("max_auto_resumes", str(project.max_auto_resumes)),
        ("trace", project.trace),
        ("created_at", formats.time(project.created_at)),
    ]
    return [Fields([(name, value) for name, value in fields if value])]
