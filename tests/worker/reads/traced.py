"""A machine on which commands are traced."""

import os
import subprocess
from collections.abc import Collection
from pathlib import Path
from typing import Any
from uuid import uuid4

from buildstate_core.models import Attempt
from buildstate_worker.reads import Judged, Made, Project, Recording, Scope
from buildstate_worker.reads.tracing import Strace, Trace, judge_command

from .machines import BUILD, Machine


def attempt_at(state: int) -> Attempt:
    """Return what matters of an attempt that is at work."""
    return Attempt.model_construct(id=uuid4(), state=state, fingerprint={})


def did(strace: Strace, folder: Path, *command: str) -> Recording:
    """Run a command, and give what it has done."""
    with Trace(strace, command, folder=folder, environ=os.environ) as trace:
        subprocess.run(trace.words(), cwd=folder, check=False, stdout=subprocess.DEVNULL)
        seen = trace.seen()
        assert seen is not None
        return seen


def run(
    machine: Machine,
    strace: Strace,
    *command: str,
    state: int = 25,
    results: Collection[Path] = (),
    **scope: Any,
) -> Judged:
    """Run a command in a machine's project, and judge it."""
    counting = Scope(project=Project.around(machine.folder), **scope)
    attempt = attempt_at(state)
    made = Made(machine.memory, BUILD)
    with Trace(strace, command, folder=machine.folder, environ=os.environ) as trace:
        subprocess.run(trace.words(), cwd=machine.folder, check=True, stdout=subprocess.DEVNULL)
        judged = judge_command(trace, counting, attempt, digests=machine.digests, made=made)
    made.note(attempt.id, state, judged.made, map(os.fspath, results))
    return judged


def shell(machine: Machine, strace: Strace, script: str, **given: Any) -> Judged:
    """Do the same with a script."""
    return run(machine, strace, "sh", "-c", script, **given)
