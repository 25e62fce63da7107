"""`bldst run --trace`: what a command is seen to read counts."""

import shutil
import signal
from collections.abc import Callable

import pytest
from support import Service
from support.machine import Ended, Machine, Story

from buildstate_core.models import ProjectUpdate
from buildstate_core.vocabulary import Trace

pytestmark = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed: apt install strace"
)


UNNAMED = "name=hosts; cat $name > disk"
"""Reads `hosts`, which none of its words is."""


def test_an_undeclared_input_that_changed_runs_again_and_an_unchanged_one_is_skipped(
    machine: Machine, elsewhere: Machine, step: Callable[..., Ended], story: Story
) -> None:
    for each in (machine, elsewhere):
        each.write("conf/hosts", "a")
        each.write("harden.sh", ". ./more.sh\n")
        each.write("more.sh", "cat conf/hosts > disk\n")
    flags = ("--artifact", "disk", "--trace")
    assert step(machine, 25, ". ./harden.sh", *flags).code == 0
    for each in (machine, elsewhere):
        skipped = step(each, 25, ". ./harden.sh", *flags)
        assert "2 files read last time" in skipped.err
    elsewhere.write("conf/hosts", "b")
    assert step(elsewhere, 25, ". ./harden.sh", *flags).code == 0
    elsewhere.write("more.sh", "cat conf/hosts conf/hosts > disk\n")
    assert step(elsewhere, 25, ". ./harden.sh", *flags).code == 0
    assert [each[2] for each in story()] == [
        "never_completed",
        "discovered_changed:conf/hosts",
        "discovered_changed:more.sh",
    ]


def test_a_project_has_all_its_commands_traced(
    machine: Machine, step: Callable[..., Ended], story: Story, build: str, service: Service
) -> None:
    project = service.client.get_build(build).project
    service.client.update_project(project, ProjectUpdate(trace=Trace.ON))
    call = (25, UNNAMED, "--artifact", "disk")
    machine.write("hosts", "a")
    assert step(machine, *call).code == 0
    machine.write("hosts", "b")
    assert step(machine, *call, "--no-trace").code == 0
    machine.write("hosts", "c")
    assert "skipped" in step(machine, *call).err
    assert [each[2] for each in story()] == ["never_completed", "discovered_changed:hosts"]


def test_what_it_makes_restores_or_declares_is_not_what_it_is_seen_to_read(
    machine: Machine, elsewhere: Machine, step: Callable[..., Ended], story: Story
) -> None:
    for each in (machine, elsewhere):
        each.write("vars", "a")
    step(machine, 10, "mkdir out; echo a > out/base", "--artifact", "out", "--trace")
    flags = ("--input", "vars", "--artifact", "disk", "--trace")
    for each in (machine, elsewhere):
        ended = step(each, 25, "cat out/base vars > disk; cat disk > /dev/null", *flags)
        assert ended.code == 0
    assert "read last time" not in ended.err
    assert [each[0] for each in story()] == [10, 25]


def test_what_an_earlier_state_made_and_does_not_name_is_refused(
    machine: Machine, step: Callable[..., Ended], story: Story
) -> None:
    step(machine, 10, "echo a > packages; echo b > base", "--artifact", "base", "--trace")
    refused = step(machine, 25, "cat packages > disk", "--artifact", "disk", "--trace")
    assert refused.code == 2
    assert "State 25 read packages, which state 10 made" in refused.err
    assert [each[:2] for each in story()] == [(10, "completed"), (25, "failed")]


def test_what_is_left_out_is_not_compared(
    machine: Machine, step: Callable[..., Ended], story: Story
) -> None:
    call = (25, UNNAMED, "--artifact", "disk", "--trace", "--exclude", "host*")
    machine.write("hosts", "a")
    step(machine, *call)
    machine.write("hosts", "b")
    assert "skipped" in step(machine, *call).err
    assert len(story()) == 1


def test_what_lies_outside_is_told_and_not_compared(
    machine: Machine, step: Callable[..., Ended]
) -> None:
    call = (25, "cd ..; name=secret; cat $name > $OLDPWD/disk", "--artifact", "disk", "--trace")
    secret = machine.folder.parent / "secret"
    secret.write_text("a")
    assert f"read, not compared: {secret}\n" in step(machine, *call).err
    secret.write_text("b")
    assert "skipped" in step(machine, *call).err


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        pytest.param("exit 9", 9, "the command ended with exit code 9", id="code"),
        pytest.param("kill -9 $$", 137, "the command was ended by SIGKILL", id="signal"),
    ],
)
def test_it_ends_as_one_that_is_not_traced(
    command: str,
    code: int,
    said: str,
    machine: Machine,
    step: Callable[..., Ended],
    build: str,
    service: Service,
) -> None:
    ended = step(machine, 25, command, "--trace")
    [attempt] = service.client.history(build)
    assert (ended.code, attempt.message) == (code, said)


@pytest.mark.parametrize(("command", "code"), [(["no-such-program"], 127), (["./notes.txt"], 126)])
def test_what_cannot_be_run_has_the_exit_code_of_a_shell(
    command: list[str], code: int, machine: Machine, build: str
) -> None:
    machine.write("notes.txt", "no program")
    ended = machine.bldst("run", build, "--state", "25", "--trace", "--", *command)
    assert ended.code == code


def test_a_signal_is_passed_on_to_it(machine: Machine, build: str, service: Service) -> None:
    script = "trap 'touch told; exit 5' TERM; touch begun; while :; do sleep 0.1; done"
    started = machine.start("run", build, "--state", "25", "--trace", "--", "sh", "-c", script)
    machine.await_file("begun")
    started.send(signal.SIGTERM)
    assert started.end().code == 5
    assert machine.has("told")
    assert [each.status for each in service.client.history(build)] == ["cancelled"]


def test_a_loop_over_its_standard_input_goes_on(machine: Machine, build: str, story: Story) -> None:
    machine.write("states.txt", "10\n25\n")
    loop = f"while read state; do bldst run {build} --state $state --trace -- true; done"
    assert machine.script(f"{loop} < states.txt").code == 0
    assert [each[:2] for each in story()] == [(10, "completed"), (25, "completed")]


def test_nothing_is_asked_for_where_it_cannot_be_traced(
    machine: Machine, step: Callable[..., Ended], story: Story
) -> None:
    bare = machine.folder / "bin"
    bare.mkdir()
    (bare / "sh").symlink_to("/bin/sh")
    (bare / "bldst").symlink_to(shutil.which("bldst", path=machine.environ["PATH"]) or "")
    refused = step(machine, 25, "true", "--trace", PATH=str(bare))
    assert refused.code == 2
    assert "there is no strace on PATH" in refused.err
    assert story() == []
