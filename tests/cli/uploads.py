"""Artifacts that tests of the command line begin with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from buildstate_core.models import Build


def push(bldst: Callable[..., Any], build: Build, path: Path, state: int = 25) -> Any:
    """Store a file as what a state left, and give the artifact as the command prints it."""
    path.write_bytes(b"an image")
    answer = bldst("artifact", "push", str(build.number), str(state), str(path), "-o", "json")
    assert answer.code == 0, answer.err
    (artifact,) = answer.data
    return artifact
