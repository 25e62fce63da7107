"""What has changed since runs again, and what has not is kept."""

from collections.abc import Callable

import pytest
from support.machine import Ended, Machine, Story


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        pytest.param(["--input", "hosts", "--param", "size=2"], "recipe_changed:param:size"),
        pytest.param(["--input", "changed", "--param", "size=1"], None, id="another input's name"),
    ],
)
def test_a_changed_parameter_runs_again(
    flags: list[str],
    reason: str | None,
    machine: Machine,
    step: Callable[..., Ended],
    story: Story,
) -> None:
    machine.write("hosts", "a")
    machine.write("changed", "a")
    first = ["--input", "hosts", "--param", "size=1", "--artifact", "disk"]
    step(machine, 25, "echo x > disk", *first)
    assert step(machine, 25, "echo x > disk", *flags, "--artifact", "disk").code == 0
    # A part that was not recorded is unknown, and unknown is kept.
    assert [each[2] for each in story()] == ["never_completed", *([reason] if reason else [])]


def test_a_changed_input_or_command_runs_again(
    machine: Machine, step: Callable[..., Ended], story: Story
) -> None:
    machine.write("roles/web/main.yml", "a")
    flags = ["--input", "roles", "--artifact", "disk"]
    step(machine, 25, "echo x > disk", *flags)
    step(machine, 25, "echo x > disk", *flags)
    machine.write("roles/web/main.yml", "b")
    step(machine, 25, "echo x > disk", *flags)
    step(machine, 25, "echo y > disk", *flags)
    assert [each[2] for each in story()] == [
        "never_completed", "input_changed:roles", "recipe_changed:command",
    ]  # fmt: skip


def test_what_depends_on_a_result_that_came_out_the_same_is_kept(
    machine: Machine, step: Callable[..., Ended], story: Story
) -> None:
    for size in "112":
        step(machine, 10, "echo same > base", "--artifact", "base", "--param", f"size={size}")
        step(machine, 25, "cat base > disk", "--artifact", "disk")
    assert [(state, why) for state, _, why in story()] == [
        (10, "never_completed"), (25, "never_completed"), (10, "recipe_changed:param:size"),
    ]  # fmt: skip


def test_a_missing_input_is_refused_before_anything_runs(
    machine: Machine, step: Callable[..., Ended], story: Story
) -> None:
    refused = step(machine, 25, "touch ran", "--input", "no-such.yml")
    assert (refused.code, machine.has("ran"), story()) == (2, False, [])
    assert "The input no-such.yml does not exist" in refused.err
