"""The demo, as a newcomer runs it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import short_folder

pytestmark = pytest.mark.prefect  # which `bldst demo` starts

_BLDST = Path(sys.executable).with_name("bldst")


def _processes_of(folder: Path) -> list[str]:
    """The command lines of the processes that have to do with a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environ = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in environ + command:
            found.append(command.replace(b"\0", b" ").decode())
    return found


def test_the_demo_resumes_a_killed_build_and_leaves_nothing_behind() -> None:
    with short_folder() as folder:
        done = subprocess.run(
            [_BLDST, "demo", "--output", "json"],
            env={**os.environ, "TMPDIR": str(folder)},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert list(folder.iterdir()) == []
        assert _processes_of(folder) == []
    outcome = json.loads(done.stdout)
    assert (outcome["skipped"], outcome["artifacts_pulled"]) == ([10, 25], 1)
    assert outcome["downloaded_bytes"] > 0
    assert outcome["saved_seconds"] > 0
    assert outcome["done_twice_seconds"] > 0


def test_a_demo_that_is_told_to_end_takes_everything_with_it() -> None:
    with short_folder() as folder:
        demo = subprocess.Popen(
            [_BLDST, "demo"],
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert demo.stdout is not None
        for line in demo.stdout:
            if "base image: begins" in line:
                break
        demo.terminate()
        demo.communicate(timeout=120)
        assert demo.returncode == 128 + signal.SIGTERM
        assert list(folder.iterdir()) == []
        assert _processes_of(folder) == []
