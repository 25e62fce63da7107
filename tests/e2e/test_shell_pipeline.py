"""A pipeline of commands, each behind `bldst run`, on machines that are killed and replaced."""

from collections.abc import Callable
from typing import Any

from support import Service
from support.machine import Ended, Machine, Story

PIPELINE = """
bldst run $ID --state 10 --artifact out/base.img -- sh -c '
    mkdir -p out; echo base > out/base.img; echo 10 >> ran'
bldst run $ID --state 25 --artifact out/hard.img -- sh -c '
    if [ -n "$HANG" ]; then echo half >> out/base.img; touch hangs; sleep 600; fi
    sed s/base/hardened/ out/base.img > out/hard.img; echo 25 >> ran'
bldst run $ID --state 50 --artifact out/app.img -- sh -c '
    cat out/hard.img > out/app.img; echo app >> out/app.img; echo 50 >> ran'
"""
CRASHED = [(10, "completed", "never_completed"), (25, "lost", "never_completed")]
FINISHED = [(25, "completed", "lost_worker"), (50, "completed", "never_completed")]


def crash_at_the_second_step(machine: Machine, build: str) -> None:
    running = machine.start_script(PIPELINE, ID=build, HANG="1", BLDST_LEASE_SECONDS="3")
    machine.await_file("hangs")
    running.kill_all()


def test_a_pipeline_that_was_killed_goes_on_elsewhere(
    machine: Machine, elsewhere: Machine, build: str, story: Story
) -> None:
    crash_at_the_second_step(machine, build)
    ended = elsewhere.script(PIPELINE, ID=build, HANG="")
    assert (ended.code, elsewhere.read("ran").split()) == (0, ["25", "50"])
    assert elsewhere.read("out/app.img") == "hardened\napp\n"
    assert elsewhere.read("out/base.img") == "base\n"
    assert story() == CRASHED + FINISHED
    assert "restored out/base.img of state 10" in ended.err


def test_a_pipeline_that_was_killed_goes_on_in_its_own_half_changed_folder(
    machine: Machine, build: str, story: Story
) -> None:
    crash_at_the_second_step(machine, build)
    assert machine.read("out/base.img") == "base\nhalf\n"
    ended = machine.script(PIPELINE, ID=build, HANG="")
    assert (ended.code, machine.read("ran").split()) == (0, ["10", "25", "50"])
    assert machine.read("out/base.img") == "base\n"
    assert machine.read("out/app.img") == "hardened\napp\n"
    assert story() == CRASHED + FINISHED


def test_a_finished_pipeline_runs_nothing_and_downloads_nothing(
    machine: Machine, elsewhere: Machine, build: str, story: Story
) -> None:
    assert machine.script(PIPELINE, ID=build, HANG="").code == 0
    before = story()
    assert elsewhere.script(PIPELINE, ID=build, HANG="").code == 0
    assert story() == before
    assert [each.name for each in elsewhere.folder.iterdir()] == [".bldst"]


def test_in_place_changes_are_made_again_on_a_restored_checkpoint(
    machine: Machine, elsewhere: Machine, build: str, story: Story
) -> None:
    """The design's example: 10 ✔ artifact, 25 ✔ artifact, 30 ✔, 35 ✔, 50 ✘."""
    pipeline = """
    bldst run $ID --state 10 --artifact disk -- sh -c 'echo 10 > disk'
    bldst run $ID --state 25 --artifact disk -- sh -c 'echo 25 >> disk'
    bldst run $ID --state 30 -- sh -c 'echo 30 >> disk'
    bldst run $ID --state 35 -- sh -c 'echo 35 >> disk'
    bldst run $ID --state 50 --artifact disk -- sh -c 'echo 50 >> disk; test -n "$WORKS"'
    """
    assert machine.script(pipeline, ID=build, WORKS="").code == 1
    assert machine.read("disk").split() == ["10", "25", "30", "35", "50"]

    assert elsewhere.script(pipeline, ID=build, WORKS="1").code == 0
    assert elsewhere.read("disk").split() == ["10", "25", "30", "35", "50"]
    assert story()[5:] == [
        (30, "completed", "not_restorable"),
        (35, "completed", "not_restorable"),
        (50, "completed", "failed_before"),
    ]

    # Now 50 has what the steps did.
    third = machine.script(pipeline, ID=build, WORKS="1")
    assert (third.code, len(story())) == (0, 8)
    assert "the checkpoint at state 50 includes it" in third.err


def test_a_failed_step_on_its_own_machine_starts_from_the_checkpoint_again(
    machine: Machine, step: Callable[..., Ended]
) -> None:
    for _ in range(2):
        step(machine, 25, "echo 25 > disk", "--artifact", "disk")
        step(machine, 30, "echo 30 >> disk")
        failed = step(machine, 50, "echo 50 >> disk; exit 9", "--artifact", "disk")
        assert failed.code == 9
        assert machine.read("disk").split() == ["25", "30", "50"]


def test_a_state_whose_step_is_on_another_machine_is_refused_and_names_it(
    machine: Machine,
    elsewhere: Machine,
    step: Callable[..., Ended],
    story: Story,
) -> None:
    step(machine, 25, "echo 25 > disk", "--artifact", "disk")
    step(machine, 30, "echo 30 >> disk")
    before = story()
    refused = step(elsewhere, 50, "touch ran")
    assert (refused.code, elsewhere.has("ran"), story()) == (4, False, before)
    assert "needs state 30 first" in refused.err
    assert "Run the pipeline again from state 30" in refused.err
    # On the machine that the step has changed, it goes on.
    assert step(machine, 50, "cat disk > seen").code == 0
    assert machine.read("seen").split() == ["25", "30"]


def test_a_build_that_is_complete_takes_no_more_work(
    machine: Machine, step: Callable[..., Ended], story: Story
) -> None:
    assert step(machine, 100, "true", "--kind", "effect").code == 0
    refused = step(machine, 50, "touch ran")
    assert (refused.code, machine.has("ran"), len(story())) == (4, False, 1)


def test_lanes_go_their_own_ways_from_the_trunk_s_checkpoint(
    machine: Machine, elsewhere: Machine, step: Callable[..., Ended], build: str, service: Service
) -> None:
    step(machine, 25, "echo trunk > disk", "--artifact", "disk")
    copy = "cat disk > copy; echo lane >> copy"
    eu = step(elsewhere, 60, copy, "--lane", "eu", "--artifact", "copy")
    us = step(elsewhere, 60, f"{copy}; exit 3", "--lane", "us", "--artifact", "copy")
    assert (eu.code, us.code) == (0, 3)
    lanes: Any = {each.lane: each for each in service.client.get_build(build).lanes}
    assert (lanes["eu"].status, lanes["eu"].frontier) == ("in_progress", 60)
    assert (lanes["us"].status, lanes["us"].frontier) == ("failed", 25)
    assert step(elsewhere, 60, copy, "--lane", "us", "--artifact", "copy").code == 0
