"""Digests of artifacts: `sha256:` and 64 lower-case hexadecimal digits."""

import re
from contextlib import closing
from pathlib import Path
from typing import Final

from buildstate_core.errors import InvalidInput
from buildstate_worker.files.sinks import Meter
from buildstate_worker.transfer.sources import blocks_of

_CHECKSUM: Final = re.compile(r"sha256:[0-9a-f]{64}")


def canonical(checksum: str) -> str:
    """Return a recorded checksum in canonical form: `sha256:` and lower-case digits.

    Raises:
        InvalidInput: It is not a sha256.
    """
    lowered = checksum.strip().lower()
    if not _CHECKSUM.fullmatch(lowered):
        raise InvalidInput(
            f"The checksum {checksum!r} is not a sha256.",
            field="checksum",
            code="bad-checksum",
            hint="Use sha256: and 64 hexadecimal digits, as `sha256sum` prints them.",
        )
    return lowered


def digest_of(path: Path) -> str:
    """Return the digest of a file, or of the archive that a folder would be pushed as.

    Raises:
        InvalidInput: It does not exist, cannot be read, or cannot become an artifact.
    """
    return measure(path).checksum


def measure(path: Path, *, at_most: int | None = None) -> Meter:
    """Return the digest and size of a file, or of the archive that a folder would be pushed as.

    Args:
        path: A file or folder.
        at_most: Stop once more bytes than this were read; the size is then above it.

    Raises:
        InvalidInput: As in `digest_of`.
    """
    meter = Meter()
    with closing(blocks_of(path)) as blocks:
        for block in blocks:
            meter.write(block)
            if at_most is not None and meter.size_bytes > at_most:
                break
    return meter
