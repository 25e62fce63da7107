"""What a command is fed with on its standard input, as far as that can be seen.

A regular file counts from its present offset, if the command has moved that: whoever calls
`bldst run` in a loop over the lines of a file feeds the loop, and not the command. A pipe is passed
on untouched. Reading it ahead would hang on one that stays open, and would take from a shell the
rest of its script. With `--stdin` it is read to its end first, and kept in a file without a name.

What is called again later is fed again from the same file, if that is as it was. What came through
a pipe is gone.
"""

import hashlib
import os
import select
import stat
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from buildstate_core.errors import InvalidInput
from buildstate_core.rules.fingerprints import recorded, unstable

STDIN: Final = 0
MOST_BYTES: Final = 64 * 2**20
_BLOCK: Final = 2**20
_PART: Final = "stdin"
_DECLARED: Final = {"declared:stdin": recorded("yes")}


@dataclass(frozen=True)
class FedFile:
    """A regular file that a call is fed with.

    Attributes:
        path: Where it is.
        offset: From where on it is read.
        digest: The SHA-256 of what comes from there on.
    """

    path: str
    offset: int
    digest: str


class Feed:
    """What one call is fed with: nothing that can be seen, unless a subclass says more.

    Attributes:
        parts: The parts of the fingerprint.
        file: The regular file that it is.
    """

    parts: Mapping[str, str] = {}
    file: FedFile | None = None

    @contextmanager
    def given(self) -> Iterator[IO[bytes] | int | None]:
        """Return what a child process takes as its standard input; `None` for ours."""
        yield None

    def close(self) -> None:
        """Forget what was kept of it."""

    def revised(self, attempt: str) -> Mapping[str, str | None]:  # noqa: ARG002 - for others
        """Return the parts that turned out otherwise, now that an attempt has ended."""
        return {}

    def is_used_up(self) -> bool:
        """Return whether it came through a pipe, and is not there any more."""
        return False


class _Inherited(Feed):
    """What this process has and is no file: a terminal, a pipe, nothing at all."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before = _events_on(descriptor)

    def is_used_up(self) -> bool:
        if self._before & select.POLLIN:
            return True
        had_writer = not self._before & select.POLLHUP
        return had_writer and bool(_events_on(self._descriptor) & (select.POLLIN | select.POLLHUP))


class _File(Feed):
    """A regular file."""

    def __init__(self, file: FedFile, descriptor: int) -> None:
        self.file = self._file = file
        self.parts = {_PART: recorded(file.digest)}
        self._descriptor = descriptor

    def revised(self, attempt: str) -> Mapping[str, str | None]:
        with suppress(OSError):
            if os.lseek(self._descriptor, 0, os.SEEK_CUR) == self._file.offset:
                return {_PART: None}  # nobody has read it
            if _digest_from(self._descriptor, self._file.offset) == self._file.digest:
                return {}
        return {_PART: recorded(unstable(attempt))}


class _Spooled(Feed):
    """Standard input, read to its end."""

    def __init__(self, kept: IO[bytes], digest: str) -> None:
        self.parts = {_PART: recorded(digest), **_DECLARED}
        self._kept = kept

    @contextmanager
    def given(self) -> Iterator[IO[bytes] | int | None]:
        with Path(f"/proc/self/fd/{self._kept.fileno()}").open("rb", buffering=0) as opened:
            yield opened

    def close(self) -> None:
        self._kept.close()

    def is_used_up(self) -> bool:
        return True


class _Nothing(Feed):
    """Nothing, for what is called again."""

    @contextmanager
    def given(self) -> Iterator[IO[bytes] | int | None]:
        yield None if os.isatty(STDIN) else subprocess.DEVNULL


class _FileAgain(Feed):
    """The file that a call was fed with before."""

    def __init__(self, file: FedFile) -> None:
        self.file = self._file = file
        self.parts = {_PART: recorded(file.digest)}
        self._is_read = self._is_same = True

    @contextmanager
    def given(self) -> Iterator[IO[bytes] | int | None]:
        offset = self._file.offset
        with Path(self._file.path).open("rb", buffering=0) as opened:
            opened.seek(offset)
            yield opened
            self._is_read = opened.tell() != offset
            self._is_same = _digest_from(opened.fileno(), offset) == self._file.digest

    def revised(self, attempt: str) -> Mapping[str, str | None]:
        if not self._is_read:
            return {_PART: None}
        return {} if self._is_same else {_PART: recorded(unstable(attempt))}


def feed_of_this_process(*, is_declared: bool, descriptor: int = STDIN) -> Feed:
    """Return what this process was called with.

    Args:
        is_declared: Read it to its end: all of it counts.
        descriptor: Where it is.

    Raises:
        InvalidInput: It is declared, and is more than is kept.
    """
    if is_declared:
        return _spooled(descriptor)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return _Inherited(descriptor)
        offset = os.lseek(descriptor, 0, os.SEEK_CUR)
        path = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - of a descriptor
        return _File(FedFile(path, offset, _digest_from(descriptor, offset)), descriptor)
    except OSError:
        return Feed()


def feed_again(file: FedFile | None) -> Feed | None:
    """Return what a call is fed with when it is made again.

    Returns:
        `None` if its file is another one by now.
    """
    if file is None:
        return _Nothing()
    try:
        with Path(file.path).open("rb", buffering=0) as opened:
            is_same = _digest_from(opened.fileno(), file.offset) == file.digest
    except OSError:
        return None
    return _FileAgain(file) if is_same else None


def _spooled(descriptor: int) -> Feed:
    import tempfile  # noqa: PLC0415 - few need it

    kept: IO[Any] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - as long as the feed
    digest = hashlib.sha256()
    size = 0
    while block := _read(descriptor):
        size += len(block)
        if size > MOST_BYTES:
            kept.close()
            raise InvalidInput(
                f"Standard input is more than {MOST_BYTES // 2**20} MiB.",
                code="stdin-too-large",
                field="--stdin",
                hint="Put it into a file, and name that in the command and with --input.",
            )
        digest.update(block)
        kept.write(block)
    return _Spooled(kept, digest.hexdigest())


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _BLOCK)
    except OSError:  # it is closed
        return b""


def _events_on(descriptor: int) -> int:
    """Return what can be told of a pipe without reading from it; 0 for what is none."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return 0
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return 0
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return next((events for _, events in poll.poll(0)), 0)


def _digest_from(descriptor: int, offset: int) -> str:
    digest = hashlib.sha256()
    while block := os.pread(descriptor, _BLOCK, offset):
        digest.update(block)
        offset += len(block)
    return digest.hexdigest()
