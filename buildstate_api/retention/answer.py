"""What a policy says, as JSON that is sent while it is made: it may be of millions of blobs."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final, TypeAlias
from uuid import UUID

from pydantic import TypeAdapter

from buildstate_core.models import RetentionPlan, Verdict

Pieces: TypeAlias = AsyncIterator[bytes]
"""The parts of one JSON document."""

_VERDICTS: Final = TypeAdapter(list[Verdict])
_IDS: Final = TypeAdapter(list[UUID])


async def as_json(plan: RetentionPlan, pages: AsyncIterator[Sequence[Verdict]]) -> Pieces:
    """Return a plan as JSON, with the items of all pages, and the sums of them.

    Args:
        plan: What is known before; it has no items.
        pages: The items, some at a time.
    """
    yield b'{"items":['
    totals = _Totals()
    async for page in pages:
        if page:
            separator = b"," if totals.has_any else b""
            totals.add(page)
            yield separator + await asyncio.to_thread(_dumped, page)
    said = plan.model_copy(update=totals.sums()).model_dump_json(exclude={"items", "marked"})
    marked = [] if plan.dry_run else totals.given_up
    yield b'],"marked":' + _IDS.dump_json(marked) + b"," + said.encode()[1:]


class _Totals:
    """What was said so far of how many artifacts, and how large they are."""

    def __init__(self) -> None:
        self._kept = self._kept_bytes = self._given_up_bytes = 0
        self.given_up: list[UUID] = []

    @property
    def has_any(self) -> bool:
        return bool(self._kept or self.given_up)

    def add(self, page: Iterable[Verdict]) -> None:
        for each in page:
            size = each.size_bytes or 0
            if each.keep:
                self._kept += 1
                self._kept_bytes += size
            else:
                self.given_up.append(each.artifact.id)
                self._given_up_bytes += size

    def sums(self) -> dict[str, int]:
        return {
            "keep_count": self._kept,
            "keep_bytes": self._kept_bytes,
            "give_up_count": len(self.given_up),
            "give_up_bytes": self._given_up_bytes,
        }


def _dumped(page: Sequence[Verdict]) -> bytes:
    return _VERDICTS.dump_json(list(page))[1:-1]
