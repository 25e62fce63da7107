"""A probe: a command line that looks whether what a milestone did to the world still holds.

It is told:

- `BLDST_ARTIFACT_URI`, `BLDST_ARTIFACT_URIS`: for a `--probe`: the URI of what the effect left, if
  it is one; or all of them, one per line.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from buildstate_core.errors import Refused
from buildstate_worker.attempt import Done
from buildstate_worker.handles.exit_status import (
    PROTOCOL,
    ProbeVerdict,
    how_it_ended,
    verdict_of,
)
from buildstate_worker.processes.tree import ProcessTree

TIMEOUT_SECONDS: Final = 60.0

_GRACE_SECONDS: Final = 2.0


def holds(done: Done, line: str, *, folder: Path, environ: Mapping[str, str]) -> bool:
    """Run a probe: exit code 0 says that it holds, 1 that it is gone.

    Args:
        done: What would be skipped.
        line: The probe, for `sh -c`. What it prints goes to stderr.
        folder: Where it runs.
        environ: The environment; what the milestone left is added to it.

    Raises:
        Refused: It ended in any other way, or not in time: nobody can tell.
    """
    uris = [each.uri for each in done.artifacts if each.uri is not None]
    attempt = done.attempt
    process = subprocess.Popen(  # noqa: S603 - a shell is what it was written for
        ["/bin/sh", "-c", line],
        cwd=folder,
        env={
            **environ,
            "BLDST_ARTIFACT_URI": uris[0] if len(uris) == 1 else "",
            "BLDST_ARTIFACT_URIS": "\n".join(uris),
        },
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
    )
    try:
        status = process.wait(TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        how = f"has not ended after {TIMEOUT_SECONDS:.0f} seconds"
    else:
        verdict = verdict_of(status)
        if verdict is not ProbeVerdict.UNKNOWN:
            return verdict is ProbeVerdict.HOLDS
        how = how_it_ended(status)
    finally:
        if process.poll() is None:  # it takes too long, or a signal asked this process to end
            ProcessTree.of(process.pid).end(_GRACE_SECONDS)
            process.wait()
    raise Refused(
        f"The probe of state {attempt.state} of build {attempt.build} {how}, so that nobody can"
        " tell whether what it did still holds.",
        code="probe-undecided",
        field="--probe",
        hint=f"Nothing was run. {PROTOCOL}; correct it, or what keeps it from telling.",
    )
