"""Pulled artifacts by digest: `sha256/ab/<all 64 digits>`, read-only.

Bytes come in under a unique name in `incoming` and are moved to their digest's name only when
that is their digest, so that readers and other processes see a whole file or none. What a killed
process leaves in `incoming` is removed after a day.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

from buildstate_core.transfer.failures import corrupt, on_this_disk
from buildstate_core.transfer.sinks import Meter

_ABANDONED_SECONDS: Final = 24 * 3600
_READ_ONLY: Final = 0o400


@dataclass(frozen=True)
class Added:
    """What came into the cache.

    Attributes:
        checksum: The digest that was found, which is the expected one if there was one.
    """

    checksum: str
    size_bytes: int


class Cache:
    """A folder of files that are named by their digests.

    Args:
        folder: Made when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, checksum: str) -> Path:
        """Give where bytes of this digest are, or would be."""
        digits = checksum.partition(":")[2]
        return self._folder / "sha256" / digits[:2] / digits

    def add(self, blocks: Iterable[bytes], *, uri: str, checksum: str | None) -> Added:
        """Take bytes in, hashing them as they come.

        Args:
            blocks: All of them, in order.
            uri: Where they come from, for the messages.
            checksum: What their digest must be. `None`: whatever it is.

        Raises:
            ArtifactLost: The digest is another one. Nothing was kept.
            Refused: This worker's disk failed.
        """
        incoming = self._folder / "incoming"
        draft = incoming / uuid4().hex
        try:
            with on_this_disk(draft):
                incoming.mkdir(parents=True, exist_ok=True)
                _remove_abandoned(incoming)
                with draft.open("xb") as file:
                    meter = Meter(file)
                    for block in blocks:
                        meter.write(block)
                if checksum not in {None, meter.checksum}:
                    raise corrupt(uri, f"it was recorded as {checksum} and is {meter.checksum}")
                draft.chmod(_READ_ONLY)
                home = self.path_of(meter.checksum)
                home.parent.mkdir(parents=True, exist_ok=True)
                draft.replace(home)
        finally:
            with suppress(OSError):
                draft.unlink()
        return Added(meter.checksum, meter.size_bytes)

    def remove(self, checksum: str) -> None:
        """Remove a file that was found damaged."""
        path = self.path_of(checksum)
        with on_this_disk(path):
            path.unlink(missing_ok=True)


def _remove_abandoned(incoming: Path) -> None:
    """Remove downloads that nobody has written to for a day."""
    oldest = time.time() - _ABANDONED_SECONDS
    for draft in incoming.iterdir():
        # Another process may be removing them as well.
        with suppress(FileNotFoundError):
            if draft.stat().st_mtime < oldest:
                draft.unlink()
