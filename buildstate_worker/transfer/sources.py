"""What can become an artifact: a file, or a folder as its archive."""

import os
import stat
from collections.abc import Generator
from pathlib import Path

from buildstate_worker.files.sinks import Sink
from buildstate_worker.files.sparse import read_into
from buildstate_worker.files.stat_signature import signature
from buildstate_worker.storage.failures import bad_source, reason_of
from buildstate_worker.transfer.archive.pack import archive_bytes, write_archive
from buildstate_worker.transfer.read_ahead import read_ahead


def is_folder(source: Path) -> bool:
    """Return whether a source is a folder; if not, it is a file.

    Raises:
        InvalidInput: It does not exist, or is neither.
    """
    mode = _stat(source).st_mode
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise bad_source(source, "it is neither a file nor a folder")
    return stat.S_ISDIR(mode)


def expected_bytes(source: Path) -> int:
    """Return approximately how many bytes `feed` will write.

    Raises:
        InvalidInput: It does not exist, or holds something that cannot be archived.
    """
    return archive_bytes(source) if is_folder(source) else _stat(source).st_size


def feed(source: Path, sink: Sink) -> None:
    """Read a file, or archive a folder, into a sink, in blocks.

    Raises:
        InvalidInput: It does not exist, cannot be read, holds something that cannot be archived,
            or changed meanwhile: then what was read may never have existed.
    """
    before = signature(source)
    if is_folder(source):
        write_archive(source, sink)
    else:
        try:
            with source.open("rb", buffering=0) as file:
                read_into(sink, file.fileno())
        except OSError as error:
            raise bad_source(source, reason_of(error)) from error
    if before is None or before != signature(source):
        raise bad_source(
            _newest(source),
            "it changed while it was read",
            hint="End what still writes to it, then run this again.",
        )


def blocks_of(source: Path) -> Generator[bytes]:
    """Return what `feed` would write, read ahead. Close the generator unless it is exhausted.

    Raises:
        InvalidInput: As in `feed`.
    """
    return read_ahead(lambda sink: feed(source, sink))


def _newest(source: Path) -> Path:
    """Return the path that changed last in a source; the source itself if nobody can tell."""
    try:
        return max((source, *source.rglob("*")), key=lambda path: path.lstat().st_ctime_ns)
    except OSError:
        return source


def _stat(source: Path) -> os.stat_result:
    try:
        return source.stat()
    except OSError as error:
        raise bad_source(
            source, reason_of(error), hint="Check the path, and that the step really made it."
        ) from error
