"""The service in a process of its own: `bldst server start`, which says when it can be asked."""

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue


def command(*options: str) -> list[str]:
    """Return the command line that runs the service until a signal ends it.

    Args:
        options: Those of `bldst server start`, such as `--port 0`.
    """
    program = [sys.executable, "-m", "buildstate_cli.main", "server", "start"]
    return [*program, *options, "--output", "json"]


def ready_facts(stdout: Iterable[str]) -> "dict[str, JsonValue] | None":
    """Wait until the service can be asked, and return its facts, such as its `url`.

    Args:
        stdout: What the process prints: its facts as JSON, once it is ready.

    Returns:
        The facts; `None` if the process ended before it was ready.
    """
    answer = ""
    for line in stdout:
        answer += line
        if line.startswith("}"):
            facts: dict[str, JsonValue] = json.loads(answer)
            return facts
    return None
