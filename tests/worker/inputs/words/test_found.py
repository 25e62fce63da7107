"""The files that a command names, and that are there or could come up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from buildstate_worker.inputs.words import found_in

from ..checkouts import Folder

MakeFolder = Callable[..., Folder]


def names(folder: Folder, *command: str, **environ: str) -> list[str]:
    found = found_in(command, folder.checkout(), environ or {"PATH": "/usr/bin:/bin"})
    return sorted(each.name for each in found.sources)


def absent(folder: Folder, *command: str) -> list[str]:
    found = found_in(command, folder.checkout(), {})
    return [path.removeprefix(f"{folder.path}/") for path in found.absent]


def test_what_is_there_is_found_once(folder: Folder) -> None:
    folder.write("conf/hosts")
    words = ("cat", "conf/hosts", "./conf/hosts", str(folder.path / "conf/hosts"), "-fconf/hosts")
    assert names(folder, *words) == ["conf/hosts"]


def test_a_program_counts_where_it_lies_in_the_project(folder: Folder) -> None:
    folder.write("bin/tool").chmod(0o755)
    assert names(folder, "tool", PATH=f"{folder.path}/bin:/bin") == ["bin/tool"]
    assert names(folder, "bin/tool") == ["bin/tool"]
    assert names(folder, "sh", PATH="/bin") == []
    assert names(folder, "/bin/sh") == []


@pytest.mark.parametrize("place", [".venv/bin/python", ".git/hooks/x", "a/__pycache__/b.pyc"])
def test_what_is_in_the_project_and_never_counts_is_not_found(folder: Folder, place: str) -> None:
    folder.write(".venv/pyvenv.cfg", "")
    folder.write(place)
    assert names(folder, place, place) == []


def test_a_file_of_the_user_s_outside_of_the_project_counts(folder: Folder) -> None:
    outside = folder.path.parent / "hosts"
    outside.write_text("1")
    assert names(folder, "cat", "../hosts") == [str(outside)]
    assert names(folder, "cat", "..", "/etc", "/usr/bin/env", "../*") == []


def test_a_word_may_name_a_folder_or_a_glob(folder: Folder) -> None:
    folder.write("conf/a.ini")
    assert names(folder, "cat", "conf", "conf/*.ini", "conf/*.txt", "s/[a-z]*/x/") == [
        "conf",
        "conf/*.ini",
    ]


def test_the_innermost_folder_that_a_script_went_to_wins(folder: Folder) -> None:
    folder.write("run.sh")
    folder.write("sub/run.sh")
    folder.write("sub/only.sh")
    script = "(cd sub; bash only.sh); bash run.sh"
    assert names(folder, "sh", "-c", script) == ["run.sh", "sub", "sub/only.sh"]
    assert names(folder, "sh", "-c", "cd sub && bash run.sh") == ["sub", "sub/run.sh"]


def test_variables_of_the_environment_may_name_files(folder: Folder) -> None:
    folder.write("conf/hosts")
    assert names(folder, "sh", "-c", "cat $CONF/hosts", CONF="conf") == ["conf/hosts"]


def test_what_looks_like_a_file_and_is_not_there_could_come_up(folder: Folder) -> None:
    words = ("true", "more.yml", "sub/more", "word", "-x.yml", "https://a.org/b", "/nowhere/a")
    assert absent(folder, *words) == ["more.yml", "sub/more"]


def test_what_the_command_writes_could_not(folder: Folder) -> None:
    assert absent(folder, "dd", "if=/dev/zero", "of=out.img") == []
    assert absent(folder, "sh", "-c", "cat x > out.log") == []


@pytest.mark.parametrize("name", ["a b", "a\nb", "a,b", "a:b", "a=b", "@a", "-a", "é", "$a", "*"])
def test_any_name_is_found(folder: Folder, name: str) -> None:
    folder.write(name)
    assert name in names(folder, "cat", name)


def test_what_a_script_makes_executable_counts_without_that(folder: Folder) -> None:
    folder.write("bin/a")
    found = found_in(["sh", "-c", "chmod +x bin/*; ./bin/a"], folder.checkout(), {})
    assert found.modeless == (str(folder.path / "bin/a"),)


def test_a_checkout_may_lie_behind_a_link(folder: Folder, tmp_path: Path) -> None:
    folder.write("hosts")
    (tmp_path / "link").symlink_to(folder.path)
    assert names(folder, "cat", str(tmp_path / "link/hosts")) == ["hosts"]
