"""A command that may be traced, from before it starts until it has ended."""

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from buildstate_worker.reads.hook import Recording
from buildstate_worker.reads.tracing.strace import Strace

_NAME: Final = "trace"


class Trace:
    """What strace writes down of one command.

    The file is in a folder of this user alone, and is gone with the block: the words of programs
    may be secret.

    Args:
        strace: What traces; `None`: it is not traced, and nothing is seen.
        command: The program and its arguments.
        folder: Where it runs.
        environ: Its environment, whose PATH finds it.
    """

    def __init__(
        self,
        strace: Strace | None,
        command: Sequence[str],
        *,
        folder: Path,
        environ: Mapping[str, str],
    ) -> None:
        self._strace = strace
        self._command = list(command)
        self._folder = folder
        self._environ = environ
        self._cleanup = ExitStack()
        self._file = Path()
        self._seen: Recording | None = None
        self._is_read = False
        self._is_whole = False
        self._still_there = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._cleanup.close()

    def words(self) -> list[str]:
        """Return what to run in its place, now; what cannot be run is not traced, and fails."""
        if self._strace is None:
            return self._command
        import tempfile  # noqa: PLC0415 - few need it

        place = tempfile.TemporaryDirectory(prefix="bldst-trace-", ignore_cleanup_errors=True)
        self._file = Path(self._cleanup.enter_context(place)) / _NAME
        self._seen = Recording()
        if not self._can_run():
            return self._command
        return self._strace.words(self._command, self._file)

    def seen(self) -> Recording | None:
        """Return what it has done, once it has ended: waits until that is written down.

        `None`: it was not traced, or not begun.
        """
        if self._seen is not None and not self._is_read:
            # Few need these, and they take their time.
            from buildstate_worker.reads.tracing.following import Following  # noqa: PLC0415
            from buildstate_worker.reads.tracing.parsing import Reader  # noqa: PLC0415

            following = Following(self._file)
            reader = Reader(self._seen, os.fspath(self._folder))
            reader.read(following.lines())
            self._is_whole = following.is_whole
            self._still_there = reader.still_there
            self._is_read = True
        return self._seen

    @property
    def is_whole(self) -> bool:
        """Whether all that it did is in `seen`; not if the tracer was ended before it."""
        return self._is_whole

    @property
    def still_there(self) -> int:
        """How many processes it has left behind, which stay traced until they end."""
        return self._still_there

    def _can_run(self) -> bool:
        program = self._command[0]
        if "/" in program:
            return os.access(self._folder / program, os.X_OK)
        return shutil.which(program, path=self._environ.get("PATH")) is not None
