"""Which of the files that a function opens are its inputs."""

import asyncio
import importlib
import importlib.metadata
import importlib.util
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_worker.reads import recording
from buildstate_worker.reads.hook import pass_a_tick

from .machines import Machine, seen


def read(place: str = "hosts") -> Callable[[], str]:
    return lambda: Path(place).read_text()


def write(place: str, text: str = "b") -> None:
    Path(place).write_text(text)


def write_and_read(place: str) -> None:
    write(place)
    read(place)()


def try_to_read(place: str) -> None:
    with suppress(FileNotFoundError):
        read(place)()


def child(*words: str) -> None:
    subprocess.run(words, check=True)


def spawn(*words: str) -> None:
    os.waitpid(os.posix_spawnp(words[0], words, os.environ), 0)


class TestCounts:
    @pytest.mark.parametrize(
        "function",
        [
            pytest.param(read(), id="pathlib"),
            pytest.param(lambda: os.close(os.open("hosts", os.O_RDONLY)), id="os.open"),
            pytest.param(lambda: Path("hosts").absolute().read_text(), id="absolute"),
            pytest.param(read("conf/../hosts"), id="through another folder"),
            pytest.param(lambda: Path(os.fsdecode(b"hosts")).read_bytes(), id="bytes"),
            pytest.param(lambda: shutil.copy("hosts", "copied"), id="copied"),
            pytest.param(lambda: child("cat", "hosts"), id="named to a child"),
            pytest.param(lambda: child("echo", "--file=hosts"), id="behind an equals sign"),
            pytest.param(lambda: child("true", "@hosts"), id="behind an at sign"),
            pytest.param(lambda: spawn("true", "hosts"), id="spawned"),
            pytest.param(lambda: child("sh", "-c", "cat <hosts >/dev/null"), id="in a script"),
            pytest.param(lambda: os.system("cat hosts >/dev/null"), id="os.system"),  # noqa: S605
        ],
    )
    def test_a_file_that_is_opened(self, machine: Machine, function: Callable[[], Any]) -> None:
        machine.write("hosts")
        machine.write("conf/other")
        judged = machine.run(function)
        assert "file hosts" in seen(judged)
        assert machine.changed(judged) is None
        machine.write("hosts", "b")
        assert machine.changed(judged) == "hosts"

    def test_relative_to_where_the_function_has_gone(self, machine: Machine) -> None:
        machine.write("conf/hosts")

        def function() -> None:
            os.chdir("conf")
            read()()

        assert seen(machine.run(function)) == ["file conf/hosts"]

    def test_in_threads_that_have_lost_the_context(self, machine: Machine) -> None:
        machine.write("hosts")

        def function() -> None:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(read()).result()

        assert seen(machine.run(function)) == ["file hosts"]

    def test_for_each_of_several_functions_if_nobody_knows_whose_it_is(
        self, machine: Machine
    ) -> None:
        machine.write("hosts")

        def function() -> None:
            with recording() as inner:
                thread = threading.Thread(target=read())
                thread.start()
                thread.join()
            assert [each.path for each in inner.events] == ["hosts"]

        assert seen(machine.run(function)) == ["file hosts"]

    def test_in_a_thread_with_the_context_of_a_function_that_has_ended(
        self, machine: Machine
    ) -> None:
        machine.write("hosts")
        with recording():
            old = copy_context()
        assert seen(machine.run(lambda: old.run(read()))) == ["file hosts"]

    def test_relative_to_where_a_child_is_started(self, machine: Machine) -> None:
        machine.write("conf/hosts")
        judged = machine.run(lambda: subprocess.run(["cat", "hosts"], cwd="conf", check=True))
        assert seen(judged) == ["file conf/hosts"]

    def test_a_database_that_is_only_read(self, machine: Machine) -> None:
        path = machine.folder / "packages.db"
        with closing(sqlite3.connect(path)) as made:
            made.execute("CREATE TABLE packages (name)")

        def function() -> None:
            with closing(sqlite3.connect("packages.db")) as opened:
                opened.execute("SELECT * FROM packages")

        assert seen(machine.run(function)) == ["file packages.db"]

    def test_for_the_coroutine_that_opens_it(self, machine: Machine) -> None:
        machine.write("one")
        machine.write("two")
        found: dict[str, list[str]] = {}

        async def opens(place: str) -> None:
            with recording() as own:
                await asyncio.sleep(0)
                read(place)()
                await asyncio.sleep(0)
            found[place] = [each.path for each in own.events]

        async def both() -> None:
            await asyncio.gather(opens("one"), opens("two"))

        machine.run(lambda: asyncio.run(both()))
        assert found == {"one": ["one"], "two": ["two"]}

    def test_what_was_not_there(self, machine: Machine) -> None:
        judged = machine.run(lambda: try_to_read("override"))
        assert seen(judged) == ["absent override"]
        assert machine.changed(judged) is None
        machine.write("override")
        assert machine.changed(judged) == "override"

    def test_a_folder_that_is_listed(self, machine: Machine, other: Machine) -> None:
        machine.write("conf/one")
        other.write("conf/one", "another content")
        for function in (os.listdir, os.walk, lambda each: Path(each).glob("*")):
            judged = machine.run(lambda: list(function("conf")))  # noqa: B023 - called at once
            assert seen(judged) == ["listing conf"]
            assert other.changed(judged) is None
        other.write("conf/two")
        assert other.changed(judged) == "conf"

    def test_source_that_is_read_as_data(self, machine: Machine) -> None:
        machine.write("settings.py")
        assert seen(machine.run(read("settings.py"))) == ["file settings.py"]

    def test_source_that_is_run_and_is_no_module_also_if_it_was_compiled(
        self, machine: Machine
    ) -> None:
        machine.write("plugin.py", "x = 1")

        def function() -> None:
            spec = importlib.util.spec_from_file_location("some_plugin", "plugin.py")
            assert spec is not None
            assert spec.loader is not None
            spec.loader.exec_module(importlib.util.module_from_spec(spec))

        for _ in range(2):
            assert seen(machine.run(function)) == ["file plugin.py"]

    def test_data_that_is_read_through_the_import_system(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine.write("some_package/__init__.py", "")
        machine.write("some_package/data.txt")
        monkeypatch.syspath_prepend(machine.folder)
        package = importlib.import_module("some_package")
        assert package.__loader__ is not None
        path = str(machine.folder / "some_package/data.txt")
        judged = machine.run(lambda: package.__loader__.get_data(path))
        assert seen(judged) == ["file some_package/data.txt"]

    def test_what_somebody_changed_before_it_was_read(
        self, machine: Machine, other: Machine
    ) -> None:
        machine.write("hosts")
        other.write("hosts", "c")

        def function() -> None:
            child("sh", "-c", "printf b > hosts")
            read()()

        judged = machine.run(function)
        assert machine.changed(judged) is None
        assert other.changed(judged) == "hosts"
        machine.write("hosts", "c")
        assert machine.changed(judged) == "hosts"

    def test_what_was_not_there_as_a_file_and_as_a_folder_only_once(self, machine: Machine) -> None:
        def function() -> None:
            try_to_read("conf")
            with suppress(FileNotFoundError):
                list(Path("conf").iterdir())

        assert seen(machine.run(function)) == ["absent conf"]

    def test_what_git_knows_though_it_was_changed_just_before(self, in_git: Machine) -> None:
        in_git.write("hosts")
        in_git.git("add", "hosts")

        def function() -> None:
            child("sh", "-c", "echo b > hosts")
            pass_a_tick()
            read()()

        assert seen(in_git.run(function)) == ["file hosts"]


class TestCountsNot:
    @pytest.mark.parametrize(
        "place",
        [
            pytest.param(".git/config", id="git's own"),
            pytest.param(".bldst/journal", id="our own"),
            pytest.param("lib/__pycache__/a.bin", id="compiled"),
            pytest.param(".venv/lib/data.txt", id="a virtual environment"),
            pytest.param("cache/index", id="to be ignored"),
            pytest.param("declared/hosts", id="declared"),
            pytest.param("../outside", id="outside"),
        ],
    )
    def test_what_is_none_by_where_it_is(self, machine: Machine, place: str) -> None:
        machine.write(".venv/pyvenv.cfg")
        machine.write(place)
        judged = machine.run(
            read(place), known=[str(machine.folder / "declared")], ignore=["cache/*"]
        )
        assert judged.reads == ()

    def test_what_git_ignores(self, in_git: Machine) -> None:
        in_git.write(".gitignore", "*.img\nbuild/\n")
        for place in ("disk.img", "build/log", "hosts"):
            in_git.write(place)

        def function() -> None:
            for place in ("disk.img", "build/log", "build/absent", "hosts"):
                try_to_read(place)
            list(Path("build").iterdir())

        assert seen(in_git.run(function)) == ["file hosts"]

    def test_what_it_wrote_before(self, machine: Machine) -> None:
        judged = machine.run(lambda: write_and_read("out"))
        assert judged.reads == ()
        assert judged.made == {str(machine.folder / "out")}

    def test_what_a_child_made_where_it_is_missing(self, machine: Machine, other: Machine) -> None:
        def function() -> None:
            child("sh", "-c", "echo b > out")
            read("out")()

        judged = machine.run(function)
        assert seen(judged) == ["left out"]
        assert machine.changed(judged) is None
        assert other.changed(judged) is None

    def test_what_a_child_was_told_to_change(self, machine: Machine) -> None:
        machine.write("image")
        pass_a_tick()
        assert machine.run(lambda: child("truncate", "-s", "9", "image")).reads == ()

    def test_what_an_earlier_attempt_left(self, machine: Machine) -> None:
        machine.run(lambda: write("cached"))
        assert machine.run(read("cached")).reads == ()

    def test_unless_somebody_has_touched_that_since(self, machine: Machine) -> None:
        machine.run(lambda: write("cached"))
        machine.write("cached", "by hand")
        assert seen(machine.run(read("cached"))) == ["file cached"]

    def test_code_that_is_imported(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        machine.write("some_helper.py", "x = 1")
        monkeypatch.syspath_prepend(machine.folder)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)

        def function() -> None:
            module = importlib.import_module("some_helper")
            read(str(module.__file__))()  # as a traceback does

        assert machine.run(function).reads == ()

    def test_folders_in_which_the_import_system_looks(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        machine.write("some_other_helper.py", "x = 1")
        monkeypatch.syspath_prepend(machine.folder)
        monkeypatch.setattr(sys, "dont_write_bytecode", True)

        def function() -> None:
            importlib.import_module("some_other_helper")
            assert importlib.metadata.version("pytest")

        assert machine.run(function).reads == ()

    def test_what_it_makes_in_a_folder_that_it_lists(
        self, machine: Machine, other: Machine
    ) -> None:
        machine.write("out/kept")
        other.write("out/kept")

        def function() -> None:
            write("out/written")
            child("touch", "out/made")
            list(Path("out").iterdir())

        judged = machine.run(function)
        assert seen(judged) == ["listing out"]
        assert machine.changed(judged) is None
        assert other.changed(judged) is None
        other.write("out/new")
        assert other.changed(judged) == "out"

    def test_what_somebody_makes_in_a_folder_before_it_is_listed(
        self, machine: Machine, other: Machine
    ) -> None:
        machine.write("out/kept")
        other.write("out/kept")

        def function() -> None:
            child("sh", "-c", "cd out && touch made")
            list(Path("out").iterdir())

        judged = machine.run(function)
        assert seen(judged) == ["listing out", "left out/made"]
        assert machine.changed(judged) is None
        assert other.changed(judged) is None

    def test_what_it_makes_in_the_project_itself_when_it_lists_that(
        self, machine: Machine, other: Machine
    ) -> None:
        def function() -> None:
            list(Path().iterdir())
            write("written")

        judged = machine.run(function)
        assert seen(judged) == ["listing ."]
        assert machine.changed(judged) is None
        assert other.changed(judged) is None
        other.write("new")
        assert other.changed(judged) == "."

    def test_what_cannot_be_a_file_is_not_noted_and_breaks_nothing(self, machine: Machine) -> None:
        def function() -> None:
            reading, writing = os.pipe()
            os.close(writing)
            with open(reading) as file:  # noqa: PTH123 - a descriptor
                file.read()
            with pytest.raises(ValueError, match="null"):
                open("a\0b")  # noqa: PTH123, SIM115 - it cannot be opened

        assert machine.run(function).reads == ()

    def test_what_one_of_several_functions_wrote_is_still_read_by_another(
        self, machine: Machine
    ) -> None:
        machine.write("hosts")

        def function() -> None:
            with recording(), ThreadPoolExecutor(1) as pool:
                pool.submit(write, "hosts").result()
                pass_a_tick()
                pool.submit(read()).result()

        judged = machine.run(function)
        assert seen(judged) == ["left hosts"]
        assert judged.made == set()


class TestUnstable:
    def test_what_was_changed_after_it_was_read(self, machine: Machine) -> None:
        machine.write("hosts")

        def function() -> None:
            read()()
            pass_a_tick()
            child("sh", "-c", "echo b > hosts")

        judged = machine.run(function)
        assert seen(judged) == ["unstable hosts"]
        assert "hosts was changed while this ran" in judged.warnings[0]
        assert machine.changed(judged) == "hosts"

    def test_what_it_reads_and_then_writes(self, machine: Machine) -> None:
        machine.write("count")

        def function() -> None:
            write("count", read("count")() + "1")

        assert seen(machine.run(function)) == ["unstable count"]
        # From then on it is what an attempt of this build has left.
        assert machine.run(function).reads == ()

    def test_what_it_reads_and_removes(self, machine: Machine) -> None:
        machine.write("order")

        def function() -> None:
            read("order")()
            Path("order").unlink()

        assert seen(machine.run(function)) == ["unstable order"]

    def test_more_than_can_be_kept(self, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("buildstate_worker.reads.judging.MAX_DISCOVERED", 2)
        judged = machine.run(lambda: [try_to_read(each) for each in "abc"])
        assert seen(judged) == ["unstable ."]
        assert "more than 2 files" in judged.warnings[0]


class TestMadeByAnEarlierState:
    def test_is_refused(self, machine: Machine) -> None:
        machine.run(lambda: write("side"), state=25)
        with pytest.raises(InvalidInput) as refused:
            machine.run(read("side"), state=50)
        assert refused.value.code == "made-by-an-earlier-state"
        assert "Name it as an artifact of state 25" in str(refused.value.hint)

    def test_is_refused_too_where_git_ignores_it(self, in_git: Machine) -> None:
        in_git.write(".gitignore", "*\n")
        in_git.run(lambda: write("side"), state=25)
        with pytest.raises(InvalidInput, match="which state 25 made"):
            in_git.run(read("side"), state=50)

    def test_is_refused_too_in_the_folder_of_the_pass(
        self, machine: Machine, tmp_path: Path
    ) -> None:
        shared = tmp_path / "pass"
        shared.mkdir()
        place = str(shared / "side")
        machine.run(lambda: write(place), state=25, shared=[str(shared)])
        with pytest.raises(InvalidInput, match="which state 25 made"):
            machine.run(read(place), state=50, shared=[str(shared)])

    def test_is_refused_too_if_a_child_made_it(self, machine: Machine) -> None:
        machine.run(lambda: child("cp", "pyproject.toml", "side"), state=25)
        with pytest.raises(InvalidInput, match="which state 25 made"):
            machine.run(read("side"), state=50)

    def test_is_fine_for_what_it_returned(self, machine: Machine) -> None:
        machine.run(lambda: write("image"), state=25, results=[machine.folder / "image"])
        assert machine.run(read("image"), state=50).reads == ()

    def test_is_fine_for_a_step_that_is_done_again_wherever_it_is_missing(
        self, machine: Machine
    ) -> None:
        machine.run(lambda: write("side"), state=30)
        assert machine.run(read("side"), state=50, stands_on=[30]).reads == ()

    def test_is_fine_for_what_was_there_and_was_not_changed(self, machine: Machine) -> None:
        machine.write("hosts")
        machine.run(read(), state=25)
        assert seen(machine.run(read(), state=50)) == ["file hosts"]

    def test_is_fine_if_the_user_says_so(self, machine: Machine) -> None:
        machine.run(lambda: write("cache"), state=25)
        assert machine.run(read("cache"), state=50, ignore=["cache"]).reads == ()
