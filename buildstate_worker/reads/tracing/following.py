"""A trace as it is written: followed to the end of the command, whose processes may live on.

The tracer has taken notice of the command's end before anybody else can, and writes it down at
once. Only if it was ended itself is there no such line.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_END: Final = re.compile(r"\d+ +[\d.]+ \+\+\+ (?:exited|killed)")
_LOOK_SECONDS: Final = 0.002
_PATIENCE_SECONDS: Final = 10.0


class Following:
    """The lines of a trace, up to the command's end.

    Args:
        file: What strace writes; nothing is there if the command was never begun.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._process = ""
        self.is_whole = False

    def lines(self) -> Iterator[str]:
        """Yield the lines; afterwards `is_whole` says whether the end of the command is there."""
        if not self._file.exists():
            return
        deadline = time.monotonic() + _PATIENCE_SECONDS
        part = ""
        with self._file.open(encoding="ascii", errors="surrogateescape", newline="\n") as file:
            while True:
                for line in file:
                    part += line
                    if part.endswith("\n"):
                        self.is_whole = self.is_whole or self._is_end(part)
                        yield part
                        part = ""
                if self.is_whole or time.monotonic() > deadline:
                    return
                time.sleep(_LOOK_SECONDS)

    def _is_end(self, line: str) -> bool:
        """Return whether a line says that the command has ended, whose process is in the first."""
        process = line.partition(" ")[0]
        self._process = self._process or process
        return process == self._process and _END.match(line) is not None
