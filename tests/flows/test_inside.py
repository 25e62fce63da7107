"""A call from inside of a milestone that would have to wait for that milestone is refused."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import Refused
from buildstate_flows import Handle, current_build, milestone

BLDST = Path(sys.executable).parent / "bldst"


@pytest.mark.parametrize("state", [25, 60])
def test_a_bldst_run_that_a_milestone_starts_is_refused_at_once(worker_a: Any, state: int) -> None:
    said: list[subprocess.CompletedProcess[str]] = []

    @milestone(state=25, version="1")
    def harden() -> Handle:
        line = [BLDST, "run", str(current_build().number), "--state", str(state), "--", "true"]
        environ = {**os.environ, **worker_a.environ}
        said.append(
            subprocess.run(
                line, env=environ, capture_output=True, text=True, check=False, timeout=60
            )
        )
        return Handle("image", "hardened")

    with worker_a.build() as build:
        harden()
    (ended,) = said
    assert ended.returncode == 4
    inside = f"State {state} of build {build.number} is called from inside of state 25"
    assert inside in " ".join(ended.stderr.split())
    assert "BLDST_INSIDE" not in os.environ


def test_a_flow_that_a_bldst_run_starts_is_refused_its_own_state(
    worker_a: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with worker_a.build() as build:
        claim = worker_a.service.claim(build, 30)
        monkeypatch.setenv("BLDST_INSIDE", f"{claim.attempt.id}")

    @milestone(state=50)
    def later() -> Handle:
        return Handle("image", "later")

    with worker_a.build(), pytest.raises(Refused, match="inside of state 30"):
        later()
