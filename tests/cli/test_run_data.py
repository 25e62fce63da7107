"""`bldst run -o json`: the attempt or an error, so that exit codes are told apart."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import Service, until

from buildstate_cli.run import child
from buildstate_core.models import Build

Run = Callable[..., Any]


@pytest.fixture
def build(shared_service: Service) -> Build:
    return shared_service.make_build(key=os.urandom(8).hex())


@pytest.fixture
def run(work: Path, build: Build, bldst: Run) -> Run:
    """Run a shell command as a state of the build, with its outcome as JSON."""
    assert work

    def run(state: int, command: str, *flags: str, **environ: str) -> Any:
        line = ("run", str(build.number), "--state", str(state), "-o", "json", *flags)
        return bldst(*line, "--", "sh", "-c", command, **environ)

    return run


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 7, 130, 255])
def test_a_command_s_exit_code_comes_with_its_attempt(run: Run, code: int) -> None:
    answer = run(25, f"exit {code}")
    assert answer.code == code
    assert "error" not in answer.data
    assert (answer.data["state"], answer.data["status"]) == (25, "failed")
    assert f"{code}" in answer.data["message"]


def test_held_is_an_error_that_says_by_whom(
    run: Run, shared_service: Service, build: Build
) -> None:
    claim = shared_service.claim(build, 25)
    answer = run(25, "exit 7", "--wait", "0")
    assert answer.code == 7
    assert (answer.data["error"], answer.data["code"]) == ("held", "held")
    assert answer.data["holder"] == "worker-a"
    assert claim.lease_until is not None
    assert answer.data["until"] >= f"{claim.lease_until:%Y-%m-%dT%H:%M:%S}"
    assert answer.data["field"] == "state"
    # People read the same as before.
    assert answer.data["detail"] in answer.err
    assert answer.data["hint"] in answer.err


def test_yaml_has_the_same(bldst: Run, work: Path, build: Build, shared_service: Service) -> None:
    assert work
    shared_service.claim(build, 25)
    line = ("run", str(build.number), "--state", "25", "--wait", "0")
    answer = bldst(*line, "-o", "yaml", "--", "true")
    assert (answer.code, yaml.safe_load(answer.out)["error"]) == (7, "held")
    assert bldst(*line, "--", "true").out == ""


def test_every_error_of_bldst_s_own_is_one(run: Run, closed_url: str) -> None:
    for error, code, flags, environ in (
        ("invalid-input", 2, ["--input", "nope"], {}),
        ("not-allowed", 5, [], {"BLDST_API_KEY": "bldst_no-such-key"}),
        ("error", 1, ["--artifact", "not-made"], {}),
        ("unreachable", 6, [], {"BLDST_API_URL": closed_url}),
    ):
        answer = run(30, "true", *flags, **environ)
        assert (answer.code, answer.data["error"]) == (code, error)
        assert answer.data["detail"] in answer.err


def test_a_skip_is_the_attempt_that_is_done(run: Run) -> None:
    done, again = (run(25, "echo 25 > disk", "--artifact", "disk") for _ in range(2))
    assert (done.code, again.code) == (0, 0)
    assert again.data["id"] == done.data["id"]
    assert "error" not in done.data


def test_a_claim_that_is_lost_is_an_error(
    run: Run,
    work: Path,
    build: Build,
    shared_service: Service,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child, "GRACE_SECONDS", 0.2)

    def expire() -> None:
        until((work / "here").exists)
        [attempt] = shared_service.client.history(build.number)
        shared_service.expire(attempt.id)

    thread = threading.Thread(target=expire)
    thread.start()
    answer = run(25, "touch here; while :; do sleep 0.1; done", "--lease", "3")
    thread.join()
    assert (answer.code, answer.data["error"]) == (4, "stale-claim")


def test_a_state_below_that_fails_when_it_is_made_again_is_an_error(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its exit code is passed on, and is not that of the command that was called."""
    disk = ("--artifact", "disk")
    for machine in ("a", "b"):
        (work / machine).mkdir()
        monkeypatch.chdir(work / machine)
        run(25, "echo 25 > disk", *disk)
        run(30, "test ! -e ../broken || exit 7")
        answer = run(50, f"echo {machine} >> disk", *disk)
        (work / "broken").touch()
    assert (answer.code, answer.data["error"], answer.data["state"]) == (7, "refused", 30)
    assert "State 50 is not run" in answer.data["detail"]
