"""What was given up, and what was removed."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict

from buildstate_cli.page import Page, Table
from buildstate_cli.views import words


class Gone(BaseModel):
    """One thing that is given up, is removed, or could not be.

    Attributes:
        artifact: The artifact; null for an orphan, which nobody has recorded.
        why: Why it is given up, or why it is still there.
    """

    model_config = ConfigDict(frozen=True)

    project: str
    artifact: UUID | None
    uri: str | None
    size_bytes: int | None
    why: str | None


class Collected(BaseModel):
    """What `gc` came to.

    Attributes:
        marked: What the policies give up; its bytes go when it is due.
        removed: Artifacts whose bytes are gone.
        orphans: What nobody had recorded, and is gone.
        freed_bytes: What the last two took up, as far as sizes are known.
        failed: What should be gone and is not.
        dry_run: Nothing was changed: it is what would be done.
    """

    model_config = ConfigDict(frozen=True)

    marked: tuple[Gone, ...]
    removed: tuple[Gone, ...]
    orphans: tuple[Gone, ...]
    freed_bytes: int
    failed: tuple[Gone, ...]
    dry_run: bool


def collected(found: Collected) -> Page:
    """Write a row for each, and a sentence about the whole."""
    rows = [
        (what, each.project, words.size(each.size_bytes), each.uri or "", each.why or "")
        for what, some in (
            ("marked", found.marked),
            ("removed", found.removed),
            ("orphan", found.orphans),
            ("FAILED", found.failed),
        )
        for each in some
    ]
    table = Table(
        columns=("WHAT", "PROJECT", "SIZE", "URI", "WHY"),
        rows=rows,
        free_text=frozenset({"URI", "WHY"}),
        empty="There is nothing to give up, and nothing to remove.",
    )
    if not rows:
        return [table]
    would = "would be " if found.dry_run else ""
    return [table, f"{words.size(found.freed_bytes)} {would}freed."]
