"""A pull, and what it is of."""

import os
from pathlib import Path

from buildstate_worker.transfer import ArtifactStore, Pushed

IMAGE = os.urandom(2**20) * 17


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def pull(store: ArtifactStore, pushed: Pushed, target: Path) -> int:
    """Pull, and give how much was downloaded."""
    pulled = store.pull(
        pushed.uri,
        target,
        checksum=pushed.checksum,
        size_bytes=pushed.size_bytes,
        folder=pushed.folder,
    )
    assert (pulled.checksum, pulled.size_bytes) == (pushed.checksum, pushed.size_bytes)
    return pulled.downloaded_bytes
