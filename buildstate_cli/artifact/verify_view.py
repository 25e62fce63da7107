"""The results of `bldst artifact verify`, for people."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from buildstate_cli.output import formats
from buildstate_cli.output.page import Page, Table

_COLUMNS: Final = ("STATE", "LANE", "NAME", "SIZE", "RESULT", "WHY", "ID")
_ORDER: Final = ("ok", "corrupt", "gone", "unreachable")


class Verification(BaseModel):
    """The result for one artifact.

    Attributes:
        result: `ok`, `gone`, `corrupt` or `unreachable`.
        identity: What identified a handle when it was recorded.
        message: Why it is not `ok`, or what else there is to say.
    """

    model_config = ConfigDict(frozen=True)

    artifact: UUID
    build: int
    state: int
    lane: str
    name: str
    uri: str | None
    result: str
    checksum: str | None
    size_bytes: int | None
    identity: str | None
    message: str | None


def listing(found: Sequence[Verification]) -> Page:
    """Return a row for each artifact, and how many there are of each result."""
    rows = [
        (
            str(each.state),
            each.lane,
            each.name,
            formats.size(each.size_bytes),
            each.result,
            each.message or "",
            str(each.artifact),
        )
        for each in found
    ]
    table = Table(
        columns=_COLUMNS, rows=rows, free_text=frozenset({"WHY"}), empty="No artifacts to verify."
    )
    if not found:
        return [table]
    counts = [(result, sum(each.result == result for each in found)) for result in _ORDER]
    summary = ", ".join(f"{count} {result}" for result, count in counts if count)
    return [table, f"{formats.count(len(found), 'artifact')} verified: {summary}."]
