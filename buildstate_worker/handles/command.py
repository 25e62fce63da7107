"""A probe that is a command of the worker's administrator.

It gets the handle's id as its last argument, and the handle as JSON on stdin. Its exit status says
whether the handle exists, as that of every probe (`exit_status`); what it prints is the handle's
identity.
"""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final, NamedTuple

from buildstate_core.errors import ArtifactUnreachable
from buildstate_worker.handles.exit_status import (
    PROTOCOL,
    ProbeVerdict,
    how_it_ended,
    verdict_of,
)
from buildstate_worker.handles.failures import gone, unreachable
from buildstate_worker.handles.ref import HandleRef

TIMEOUT_SECONDS: Final = 60.0

_GRACE_SECONDS: Final = 2.0
_MAX_OUTPUT: Final = 64 * 1024
_LAST_LINES: Final = 3


class _Ended(NamedTuple):
    status: int
    output: str
    complaint: str


class CommandProbe:
    """Looks at handles with a command.

    Args:
        words: The command.
        variable: The variable that names it, for the errors.
    """

    def __init__(self, words: Sequence[str], *, variable: str) -> None:
        self._words = words
        self._variable = variable

    def identity_of(self, handle: HandleRef) -> str:
        """Run the command, and return what it prints; see `Probe`."""
        if handle.id.startswith("-"):
            raise unreachable(
                handle,
                "its id begins with a dash, and a command would take it for an option",
                hint="Record it by an id that begins with something else.",
            )
        ended = self._run(handle)
        verdict = verdict_of(ended.status)
        if verdict is ProbeVerdict.HOLDS:
            return ended.output
        if verdict is ProbeVerdict.GONE:
            raise gone(handle, f"{self._variable} says so{_quoted(ended.complaint)}")
        raise self._undecided(handle, f"{how_it_ended(ended.status)}{_quoted(ended.complaint)}")

    def _run(self, handle: HandleRef) -> _Ended:
        # Files, not pipes: what the command leaves running could keep a pipe open for ever.
        with (
            tempfile.TemporaryFile() as given,
            tempfile.TemporaryFile() as output,
            tempfile.TemporaryFile() as complaint,
        ):
            facts = {"kind": handle.kind, "id": handle.id, "attributes": dict(handle.attributes)}
            given.write(json.dumps(facts).encode())
            given.seek(0)
            try:
                # A session of its own: it is ended with all that it started, and asks nobody for a
                # password.
                process = subprocess.Popen(  # noqa: S603 - an administrator's words, and no shell
                    [*self._words, handle.id],
                    stdin=given,
                    stdout=output,
                    stderr=complaint,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or str(error)
                raise self._undecided(handle, f"cannot be started: {why}") from error
            try:
                status = process.wait(TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired as error:
                how = f"has not ended after {TIMEOUT_SECONDS:.0f} seconds"
                raise self._undecided(handle, how) from error
            finally:
                if process.poll() is None:  # too slow, or a signal asked this process to end
                    _end(process)
            return _Ended(status, _start_of(output), _end_of(complaint))

    def _undecided(self, handle: HandleRef, how: str) -> ArtifactUnreachable:
        return unreachable(
            handle,
            f"the command of {self._variable} {how}",
            hint=f"{PROTOCOL}; correct it, or what keeps it from telling.",
        )


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a command and what it started: asked first, then killed."""
    # One that has become another user cannot be ended by this one.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_SECONDS)


def _start_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_MAX_OUTPUT).decode(errors="replace").strip()


def _end_of(file: IO[bytes]) -> str:
    """Return the last lines of a text, joined into one."""
    file.seek(max(0, file.seek(0, os.SEEK_END) - _MAX_OUTPUT))
    lines = file.read().decode(errors="replace").splitlines()
    said = [" ".join(each.split()) for each in lines if each.strip()]
    return " / ".join(said[-_LAST_LINES:])[-500:].rstrip(".")


def _quoted(complaint: str) -> str:
    return f": {complaint}" if complaint else ""
