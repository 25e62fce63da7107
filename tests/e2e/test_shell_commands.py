"""A command behind `bldst run`: what it sees, its exit code, and what it prints."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from support import Service
from support.machine import Ended, Machine


def test_an_exit_code_is_passed_on_and_recorded(
    machine: Machine, step: Callable[..., Ended], build: str, service: Service
) -> None:
    assert step(machine, 25, "exit 9").code == 9
    [attempt] = service.client.history(build)
    assert (attempt.status, attempt.message) == ("failed", "the command ended with exit code 9")


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        pytest.param(["no-such-program"], 127, "no-such-program: command not found", id="missing"),
        pytest.param(["./notes.txt"], 126, "./notes.txt: Permission denied", id="no-program"),
        pytest.param(["sh", "-c", "kill -9 $$"], 137, "the command was ended by SIGKILL", id="-9"),
    ],
)
def test_a_command_that_cannot_end_well_has_the_exit_code_of_a_shell(
    command: list[str], code: int, said: str, machine: Machine, build: str, service: Service
) -> None:
    machine.write("notes.txt", "no program")
    ended = machine.bldst("run", build, "--state", "25", "--", *command)
    [attempt] = service.client.history(build)
    assert (ended.code, attempt.status, attempt.message) == (code, "failed", said)
    assert "Traceback" not in ended.err


def test_an_artifact_that_was_not_made_fails_the_attempt(
    machine: Machine, step: Callable[..., Ended], build: str, service: Service
) -> None:
    ended = step(machine, 25, "true", "--artifact", "out/image.img")
    [attempt] = service.client.history(build)
    assert (ended.code, attempt.status) == (1, "failed")
    assert "--artifact out/image.img is not there" in ended.err
    assert "did not make" in (attempt.message or "")


def test_a_storage_that_nothing_can_be_moved_to_is_refused_before_the_command_runs(
    machine: Machine, service: Service
) -> None:
    project = service.make_project(f"p{uuid4().hex}", storage_url="rbd://images/x")
    number = str(service.make_build(project).number)
    flags = ("--state", "10", "--artifact", "ran")
    refused = machine.bldst("run", number, *flags, "--", "touch", "ran")
    assert (refused.code, machine.has("ran")) == (2, False)
    assert "rbd://images/x" in refused.err


def test_the_command_sees_what_it_is_part_of(
    machine: Machine, step: Callable[..., Ended], service: Service, build: str
) -> None:
    step(machine, 10, "echo a > a; echo b > b", "--artifact", "a", "--artifact", "b")
    step(machine, 60, "exit 1", "--lane", "eu-west-1")
    show = (
        'echo "$BLDST_BUILD_ID" "$BLDST_STATE" "$BLDST_LANE" "$BLDST_ATTEMPT" $BLDST_RESTORED'
        ' "[$BLDST_RESTORE_URI]" "$OWN"'
    )
    seen = step(machine, 60, show, "--lane", "eu-west-1", OWN="mine")
    expected = [str(service.client.get_build(build).id), "60", "eu-west-1", "2", "a", "b", "[]"]
    assert seen.out.split() == [*expected, "mine"]


def test_stdin_and_stdout_are_the_command_s_own(machine: Machine, build: str) -> None:
    ended = machine.bldst(
        "run", build, "--state", "25", "--", "sh", "-c", "tr a-z A-Z; echo e >&2", stdin=b"piped"
    )
    assert (ended.code, ended.out) == (0, "PIPED")
    assert "\ne\n" in f"\n{ended.err}"


def test_with_json_stdout_is_the_attempt_and_nothing_else(
    machine: Machine, step: Callable[..., Ended], service: Service, build: str
) -> None:
    json = ("--output", "json", "--artifact", "disk")
    ran = step(machine, 25, "echo noise; echo x > disk", *json)
    skipped = step(machine, 25, "echo noise; echo x > disk", *json)
    failed = step(machine, 30, "echo noise; exit 3", "--output", "json")
    history = [each.model_dump(mode="json") for each in service.client.history(build)]
    assert [ran.data, failed.data] == history
    assert skipped.data == ran.data
    assert (ran.code, skipped.code, failed.code) == (0, 0, 3)
    assert "noise" in ran.err
