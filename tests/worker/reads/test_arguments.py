"""Paths that a function is called with."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from buildstate_worker.reads.hook import pass_a_tick

from .machines import Machine, seen


@dataclass
class Config:
    hosts: Path


def nothing(**_: object) -> None:
    pass


def write(path: Path) -> None:
    pass_a_tick()
    path.write_text("b")


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(Path("hosts"), id="plain"),
        pytest.param([{"a": (Path("hosts"),)}], id="in containers"),
        pytest.param(Config(Path("hosts")), id="in a dataclass"),
    ],
)
def test_content_that_is_untouched_counts(machine: Machine, value: object) -> None:
    machine.write("hosts")
    judged = machine.run(nothing, values={"value": value})
    assert seen(judged) == ["file hosts"]
    assert machine.changed(judged) is None
    machine.write("hosts", "b")
    assert machine.changed(judged) == "hosts"


def test_all_that_is_in_a_folder_counts(machine: Machine) -> None:
    machine.write("conf/deep/hosts")
    judged = machine.run(nothing, values={"folder": Path("conf")})
    assert seen(judged) == ["folder conf"]
    assert machine.changed(judged) is None
    machine.write("conf/deep/hosts", "b")
    assert machine.changed(judged) == "conf"


def test_content_outside_of_the_project_counts_by_its_whole_path(
    machine: Machine, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.write_text("a")
    judged = machine.run(nothing, values={"path": outside})
    assert seen(judged) == [f"file {outside}"]
    outside.write_text("b")
    assert machine.changed(judged) == str(outside)


def test_a_place_stays_one(machine: Machine, other: Machine) -> None:
    judged = machine.run(write, values={"path": Path("out")})
    assert judged.reads == ()
    assert machine.changed(judged) is None
    assert other.changed(judged) is None
    assert machine.run(write, values={"path": Path("out")}).reads == ()


def test_what_is_absent_both_times_may_appear(machine: Machine) -> None:
    judged = machine.run(nothing, values={"path": Path("override")})
    assert seen(judged) == ["absent override"]
    machine.write("override")
    assert machine.changed(judged) == "override"


def test_of_what_goes_in_and_out_only_the_name_counts(machine: Machine) -> None:
    image = machine.write("image")

    def grow(path: Path) -> None:
        text = path.read_text()
        pass_a_tick()
        path.write_text(f"{text}b")

    assert machine.run(grow, values={"path": image}).reads == ()


def test_the_project_itself_is_no_content(machine: Machine) -> None:
    values = {"project": machine.folder, "around": machine.folder.parent}
    assert machine.run(nothing, values=values).reads == ()
