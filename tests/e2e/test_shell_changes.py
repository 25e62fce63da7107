"""What has changed since runs again, and what has not is kept."""

from collections.abc import Callable

import pytest
from support.machine import Ended, Machine, Story


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        pytest.param(["--param", "size=2"], "recipe_changed:param:size", id="another value"),
        pytest.param([], "recipe_changed:param:size", id="one that is gone"),
        pytest.param(
            ["--param", "size=1", "--param", "os=9"], "recipe_changed:param:os", id="one more"
        ),
    ],
)
def test_a_changed_parameter_runs_again(
    flags: list[str], reason: str, machine: Machine, step: Callable[..., Ended], story: Story
) -> None:
    step(machine, 25, "echo x > disk", "--param", "size=1", "--artifact", "disk")
    assert step(machine, 25, "echo x > disk", *flags, "--artifact", "disk").code == 0
    assert [each[2] for each in story()] == ["never_completed", reason]


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        pytest.param(["--input", "hosts"], None, id="the same"),
        pytest.param(["--input", "hosts", "--input", "vars"], "input_added:vars", id="one more"),
        pytest.param([], "input_removed:hosts", id="none any more"),
        pytest.param(["--input", "changed"], "input_added:changed", id="another input's name"),
    ],
)
def test_an_input_that_is_added_or_left_out_is_a_change(
    flags: list[str],
    reason: str | None,
    machine: Machine,
    step: Callable[..., Ended],
    story: Story,
) -> None:
    for name in ("hosts", "vars", "changed"):
        machine.write(name, "a")
    step(machine, 25, "echo x > disk", "--input", "hosts", "--artifact", "disk")
    assert step(machine, 25, "echo x > disk", *flags, "--artifact", "disk").code == 0
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
