"""Servers of other kinds, each in a process of its own that ends with the block."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.waiting import until

SERVERS = Path(__file__).parent.parent / "servers"
"""The programs that are started here, and what npm installs for them."""

STARTS_SECONDS = 60


@contextmanager
def running(
    command: Sequence[str | Path], *, announces: str, environ: Mapping[str, str] | None = None
) -> Iterator[int]:
    """Run a server until the end of the block, and give its port.

    Args:
        command: It takes port 0, or whatever means "a free one" to it.
        announces: A pattern for what it prints once it listens; its group is the port.
        environ: What to add to the environment.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environ or {})},
        )

        def port() -> int:
            printed = os.pread(output.fileno(), 100_000, 0).decode(errors="replace")
            assert process.poll() is None, f"the server did not start:\n{printed}"
            found = re.search(announces, printed)
            return int(found[1]) if found else 0

        try:
            yield until(port, seconds=STARTS_SECONDS)
        finally:
            process.kill()
            process.communicate()
