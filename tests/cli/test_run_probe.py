"""`bldst run --probe`: whether what a milestone did to the world still holds."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Service, until

from buildstate_cli.run import probe as probing
from buildstate_core.models import Build

Run = Callable[..., Any]
REGISTER = "echo registered >> world; touch there"


@pytest.fixture
def build(shared_service: Service) -> Build:
    return shared_service.make_build(key=os.urandom(8).hex())


@pytest.fixture
def run(work: Path, build: Build, bldst: Run) -> Run:
    """Run the effect at state 60, with a probe."""
    assert work

    def run(probe: str, *flags: str, command: str = REGISTER, **environ: str) -> Any:
        line = ("run", str(build.number), "--state", "60", "--kind", "effect", "--probe", probe)
        return bldst(*line, *flags, "--", "sh", "-c", command, **environ)

    return run


@pytest.fixture
def told(shared_service: Service, build: Build) -> Callable[[], list[tuple[str, str | None]]]:
    return lambda: [
        (each.status.value, each.reason) for each in shared_service.client.history(build.number)
    ]


Told = Callable[[], list[tuple[str, str | None]]]


def registered(work: Path) -> int:
    return len((work / "world").read_text().split())


def test_what_holds_is_skipped_and_what_is_gone_is_done_again(
    run: Run, work: Path, told: Told
) -> None:
    assert run("test -e there").code == 0
    skipped = run("test -e there")
    assert (skipped.code, registered(work)) == (0, 1)
    assert "its probe says that it holds" in skipped.err

    (work / "there").unlink()
    again = run("test -e there")
    assert (again.code, registered(work)) == (0, 2)
    assert "its probe says that it is gone" in again.err
    assert told() == [("completed", "never_completed"), ("completed", "effect_gone")]


def test_a_probe_is_not_asked_about_what_was_never_done(run: Run, work: Path) -> None:
    assert run("touch asked", command="exit 3").code == 3
    assert run("touch asked").code == 0
    assert not (work / "asked").exists()


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        pytest.param("exit 2", "ended with exit code 2", id="another exit code"),
        pytest.param("no-such-tool", "ended with exit code 127", id="not there"),
        pytest.param("kill -9 $$", "was ended by SIGKILL", id="a signal"),
        pytest.param("sleep 600", "has not ended after", id="too slow"),
        pytest.param("trap '' TERM; sleep 600 & wait", "has not ended after", id="will not end"),
        pytest.param("if", "ended with exit code 2", id="no shell line"),
    ],
)
def test_while_nobody_can_tell_nothing_is_run(
    probe: str, said: str, run: Run, work: Path, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("true").code == 0
    monkeypatch.setattr(probing, "TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(probing, "_GRACE_SECONDS", 0.1)
    refused = run(probe)
    assert (refused.code, registered(work), len(told())) == (4, 1, 1)
    assert "The probe of state 60 of build" in refused.err
    assert said in refused.err
    assert "Nothing was run." in refused.err


def test_a_probe_sees_what_the_effect_left_and_prints_to_stderr(run: Run, work: Path) -> None:
    make = ("--artifact", "ami", "--artifact", "log")
    assert run("true", *make, command="echo 1 > ami; echo 2 > log").code == 0
    show = 'echo "$BLDST_ARTIFACT_URIS" > uris; env | grep ^BLDST_ > seen; echo told'
    skipped = run(show, *make, "--output", "json", command="echo 1 > ami; echo 2 > log")
    assert (skipped.code, skipped.data["state"]) == (0, 60)
    assert "told\n" in skipped.err
    assert [each.rpartition("/")[2] for each in (work / "uris").read_text().split()] == [
        "ami", "log",
    ]  # fmt: skip
    assert {"BLDST_STATE=60", "BLDST_ATTEMPT=1"} <= set((work / "seen").read_text().split())


def test_a_probe_with_one_artifact_sees_its_uri(run: Run, work: Path) -> None:
    for _ in range(2):
        run('echo "$BLDST_ARTIFACT_URI" > uri', "--artifact", "ami", command="echo 1 > ami")
    assert (work / "uri").read_text().endswith("/ami\n")


def test_what_a_probe_has_started_ends_with_it(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("true").code == 0
    monkeypatch.setattr(probing, "TIMEOUT_SECONDS", 1.0)
    assert run("sh -c 'echo $$ > pid; exec sleep 600'; true").code == 4
    pid = (work / "pid").read_text().strip()
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_probe_is_part_of_what_can_be_called_again(run: Run, work: Path) -> None:
    run("test -e there")
    [file] = (work / ".bldst/journal").rglob("60.json")
    assert "test -e there" in file.read_text()


def test_what_has_a_probe_is_an_effect_unless_it_is_said_to_be_something_else(
    work: Path, build: Build, bldst: Run, shared_service: Service
) -> None:
    assert work
    for state, more in (("60", ()), ("65", ("--kind", "gate"))):
        line = ("run", str(build.number), "--state", state, "--probe", "true", *more)
        assert bldst(*line, "--", "true").code == 0
    kinds = [each.kind for each in shared_service.client.history(build.number)]
    assert kinds == ["effect", "gate"]
