"""What `bldst artifact gc` marked, removed, and failed to remove."""

from collections.abc import Iterator
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from buildstate_cli.output import formats
from buildstate_cli.output.page import Page, Table


class GcItem(BaseModel):
    """One thing that is given up, is removed, or could not be.

    Attributes:
        artifact: The artifact; null for an orphan, which nobody has recorded.
        uri: Where it is or was; null for a storage that could not be searched.
        why: Why it is given up, or why it is still there.
    """

    model_config = ConfigDict(frozen=True)

    project: str
    artifact: UUID | None
    uri: str | None
    size_bytes: int | None
    why: str | None


class GcResult(BaseModel):
    """What `gc` came to.

    Attributes:
        marked: What the policies give up; its bytes go when it is due.
        removed: Artifacts whose bytes are gone.
        orphans: What nobody had recorded, and is gone.
        freed_bytes: What the last two took up, as far as sizes are known.
        failed: What should be gone and is not, and the projects whose storage cannot be searched.
        dry_run: Nothing was changed: it is what would be done.
    """

    model_config = ConfigDict(frozen=True)

    marked: tuple[GcItem, ...]
    removed: tuple[GcItem, ...]
    orphans: tuple[GcItem, ...]
    freed_bytes: int
    failed: tuple[GcItem, ...]
    dry_run: bool


def one(found: GcResult) -> Page:
    """Return a row for each item, and a sentence about the whole."""
    to_be = ("give up", "remove", "orphan") if found.dry_run else ("given up", "removed", "orphan")
    rows = [
        (what, each.project, formats.size(each.size_bytes), each.uri or "", each.why or "")
        for what, some in zip(
            (*to_be, "FAILED"),
            (found.marked, found.removed, found.orphans, found.failed),
            strict=True,
        )
        for each in some
    ]
    table = Table(
        columns=("WHAT", "PROJECT", "SIZE", "URI", "WHY"),
        rows=rows,
        free_text=frozenset({"URI", "WHY"}),
        empty="There is nothing to give up, and nothing to remove.",
    )
    return [table, " ".join(_sentences(found))] if rows else [table]


def _sentences(found: GcResult) -> Iterator[str]:
    would = "would be " if found.dry_run else ""
    if found.marked:
        size = formats.size(sum(each.size_bytes or 0 for each in found.marked))
        yield f"{formats.count(len(found.marked), 'artifact')} ({size}) {would}given up."
    gone = [
        formats.count(len(some), what)
        for some, what in ((found.removed, "artifact"), (found.orphans, "orphan"))
        if some
    ]
    if gone:
        freed = formats.size(found.freed_bytes)
        yield f"{formats.listed(gone)} {would}removed, {freed} {would}freed."
    if found.failed:
        yield f"{len(found.failed)} failed; the next run tries again."
    if found.dry_run:
        yield "Nothing was changed."
