"""`bldst run` and what its folder's machine holds, when lanes, gates and people use it as well."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
from support import Service
from support.machine import Machine

from buildstate_core.models import Attempt, Build

DISK = ("--artifact", "disk")
EU = ("--lane", "eu")
US = ("--lane", "us")


class Run(Protocol):
    """Run a shell command as a state; what it is answered has to be a success."""

    def __call__(self, state: int, command: str, *flags: str, code: int = 0) -> Any: ...


@pytest.fixture
def build(shared_service: Service, tmp_path: Path) -> Build:
    storage = (tmp_path / "storage").as_uri()
    project = shared_service.make_project(f"p{os.urandom(8).hex()}", storage_url=storage)
    return shared_service.make_build(project)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(
    shared_service: Service,
    build: Build,
    environment: dict[str, str],
    work: Path,
    bldst: Callable[..., Any],
) -> Run:
    environment.update(BLDST_API_URL=shared_service.url, BLDST_API_KEY=shared_service.key)
    assert work.is_dir()

    def run(state: int, command: str, *flags: str, code: int = 0) -> Any:
        line = ("run", str(build.number), "--state", str(state), *flags)
        ended = bldst(*line, "--", "sh", "-c", command)
        assert ended.code == code, ended.err
        return ended

    return run


@pytest.fixture
def tries(shared_service: Service, build: Build) -> Callable[[], Counter[str]]:
    """How often each milestone was tried so far."""

    def name(attempt: Attempt) -> str:
        return f"{attempt.state} {attempt.lane}".rstrip()

    return lambda: Counter(name(each) for each in shared_service.client.history(build.number))


Tries = Callable[[], Counter[str]]


def words(path: Path) -> list[str]:
    return path.read_text().split()


@pytest.fixture
def trunk(run: Run) -> Callable[[], None]:
    """A checkpoint, and a step that changes its file in place."""

    def trunk() -> None:
        run(10, "echo 10 > disk", *DISK)
        run(30, "echo 30 >> disk")

    return trunk


Trunk = Callable[[], None]


class TestLanesInOneFolder:
    def test_a_lane_never_gets_what_another_one_did_to_the_trunk_s_file(
        self, run: Run, trunk: Trunk, work: Path, tries: Tries
    ) -> None:
        trunk()
        images = {}
        for lane in (EU, US):
            run(50, f"echo {lane[1]} >> disk", *lane, *DISK)
            images[lane[1]] = words(work / "disk")
        assert images == {"eu": ["10", "30", "eu"], "us": ["10", "30", "us"]}
        assert tries() == {"10": 1, "30": 2, "50 eu": 1, "50 us": 1}

    def test_what_a_lane_that_failed_did_to_it_is_not_kept_for_another_one(
        self, run: Run, trunk: Trunk, work: Path
    ) -> None:
        trunk()
        run(50, "echo half >> disk; exit 3", *EU, *DISK, code=3)
        run(50, "echo us >> disk", *US, *DISK)
        assert words(work / "disk") == ["10", "30", "us"]

    def test_lanes_that_only_read_it_do_not_have_the_trunk_s_step_run_again(
        self, run: Run, trunk: Trunk, work: Path, tries: Tries
    ) -> None:
        trunk()
        for lane in (EU, US):
            image = f"{lane[1]}.img"
            run(50, f"cp disk {image}; echo 50 >> {image}", *lane, "--artifact", image)
            run(60, f"echo 60 >> {image}", *lane)
        for lane in (EU, US):
            image = f"{lane[1]}.img"
            run(70, f"echo {lane[1]} >> {image}", *lane, "--artifact", image)
            assert words(work / image) == ["10", "30", "50", "60", lane[1]]
        assert set(tries().values()) == {1}

    def test_a_lane_whose_own_file_was_changed_has_its_own_steps_made_again_only(
        self, run: Run, trunk: Trunk, work: Path, tries: Tries
    ) -> None:
        trunk()
        run(50, "cp disk eu.img", *EU, "--artifact", "eu.img")
        run(60, "echo 60 >> eu.img", *EU)
        (work / "eu.img").write_text("by hand")
        run(70, "echo 70 >> eu.img", *EU, "--artifact", "eu.img")
        assert words(work / "eu.img") == ["10", "30", "60", "70"]
        assert tries() == {"10": 1, "30": 1, "50 eu": 1, "60 eu": 2, "70 eu": 1}

    def test_where_no_file_is_known_another_lane_s_command_may_have_touched_anything(
        self, run: Run, work: Path, tries: Tries
    ) -> None:
        run(30, "echo 30 > image")
        run(50, "echo eu >> image", *EU)
        run(50, "echo us >> image", *US)
        assert words(work / "image") == ["30", "us"]
        assert tries() == {"30": 2, "50 eu": 1, "50 us": 1}

    def test_where_no_file_is_known_what_only_looks_leaves_it_to_the_others(
        self, run: Run, tries: Tries
    ) -> None:
        run(30, "echo 30 > image")
        for lane in (EU, US):
            run(50, "cat image", *lane, "--kind", "effect")
        assert tries() == {"30": 1, "50 eu": 1, "50 us": 1}


class TestWhatChangesNoMachine:
    @pytest.mark.parametrize("kind", ["gate", "effect", "ephemeral"])
    def test_what_was_held_before_it_is_held_after_it(
        self, kind: str, run: Run, trunk: Trunk, work: Path, tries: Tries
    ) -> None:
        trunk()
        run(35, "grep 30 disk", "--kind", kind)
        run(50, "echo 50 >> disk", *DISK)
        assert words(work / "disk") == ["10", "30", "50"]
        assert tries() == {"10": 1, "30": 1, "35": 1, "50": 1}

    def test_in_a_lane_that_begins_where_the_trunk_is_too(
        self, run: Run, trunk: Trunk, work: Path, tries: Tries
    ) -> None:
        trunk()
        run(40, "grep 30 disk", *EU, "--kind", "gate")
        run(50, "echo eu >> disk", *EU, *DISK)
        assert words(work / "disk") == ["10", "30", "eu"]
        assert tries() == {"10": 1, "30": 1, "40 eu": 1, "50 eu": 1}

    def test_one_that_does_change_the_machine_s_file_is_found_out(
        self, run: Run, trunk: Trunk, work: Path, tries: Tries
    ) -> None:
        trunk()
        run(35, "echo spoilt >> disk", "--kind", "gate")
        run(50, "echo 50 >> disk", *DISK)
        assert words(work / "disk") == ["10", "30", "50"]
        assert tries()["30"] == 2

    def test_one_that_fails_leaves_a_machine_that_holds_nothing(
        self, run: Run, trunk: Trunk, work: Path, tries: Tries
    ) -> None:
        trunk()
        run(35, "test -e ready", "--kind", "gate", code=1)
        (work / "ready").touch()
        run(50, "echo 50 >> disk", *DISK)
        assert words(work / "disk") == ["10", "30", "50"]
        assert tries()["30"] == 2


class TestALaneThatBeginsAnew:
    def test_it_takes_what_the_trunk_has_just_done_in_this_pass(
        self, run: Run, trunk: Trunk, work: Path, tries: Tries
    ) -> None:
        """Its own memory is empty since the pass before, in which it failed."""
        trunk()
        run(50, "exit 3", *EU, *DISK, code=3)
        before = tries()
        trunk()
        run(50, "echo eu >> disk", *EU, *DISK)
        assert words(work / "disk") == ["10", "30", "eu"]
        assert tries() - before == {"30": 1, "50 eu": 1}

    def test_so_does_one_with_an_old_memory(
        self, run: Run, trunk: Trunk, work: Path, tries: Tries
    ) -> None:
        trunk()
        run(50, "cp disk eu.img", *EU, "--artifact", "eu.img")
        before = tries()
        run(30, "echo anew >> disk")
        run(50, "cp disk eu.img; echo eu >> eu.img", *EU, "--artifact", "eu.img")
        assert words(work / "eu.img") == ["10", "anew", "eu"]
        assert tries() - before == {"30": 1, "50 eu": 1}

    def test_not_for_a_state_of_its_own(
        self, run: Run, tries: Tries, build: Build, shared_service: Service
    ) -> None:
        """It would forget what it does hold, and have that made again for nothing."""
        run(10, "echo 10 > disk", *DISK)
        run(30, "true")
        run(48, "touch eu", *EU)
        shared_service.complete(shared_service.claim(build, 50, lane="eu"))  # on another machine
        run(30, "true")  # once more, so that the trunk has the newer memory
        before = tries()
        refused = run(60, "true", *EU, code=4)
        assert "it needs state 50 first" in refused.err
        assert tries() == before

    def test_not_if_it_has_run_since_and_may_have_changed_what_is_not_known(
        self, run: Run, work: Path, tries: Tries
    ) -> None:
        run(10, "echo 10 > disk", *DISK)
        run(30, "echo 30 > notes")
        run(50, "echo half >> notes; exit 3", *EU, code=3)
        run(50, "echo eu >> notes", *EU)
        assert words(work / "notes") == ["30", "eu"]
        assert tries()["30"] == 2


class TestByHand:
    def test_a_file_that_was_edited_between_two_runs_has_the_step_run_again(
        self, run: Run, trunk: Trunk, work: Path, tries: Tries
    ) -> None:
        trunk()
        with (work / "disk").open("a") as file:
            file.write("by hand\n")
        run(50, "echo 50 >> disk", *DISK)
        assert words(work / "disk") == ["10", "30", "50"]
        assert tries() == {"10": 1, "30": 2, "50": 1}

    def test_that_has_every_step_since_the_checkpoint_run_again(
        self, run: Run, trunk: Trunk, work: Path, tries: Tries
    ) -> None:
        trunk()
        run(40, "echo 40 >> disk")
        run(45, "true", *EU)
        (work / "disk").write_text("by hand")
        run(50, "echo 50 >> disk", *DISK)
        assert words(work / "disk") == ["10", "30", "40", "50"]
        assert tries() == {"10": 1, "30": 2, "40": 2, "45 eu": 1, "50": 1}

    @pytest.mark.parametrize(
        "touch",
        [
            pytest.param(lambda folder: (folder / "etc/motd").write_text("x"), id="a new file"),
            pytest.param(lambda folder: (folder / "etc/host").write_text("HOST\n"), id="its text"),
            pytest.param(lambda folder: (folder / "etc/host").unlink(), id="a file that is gone"),
            pytest.param(lambda folder: (folder / "etc/host").chmod(0o600), id="a mode"),
            pytest.param(lambda folder: folder.rename(folder.parent / "aside"), id="all of it"),
        ],
    )
    def test_a_folder_that_was_touched_does_so_as_well(
        self, touch: Callable[[Path], Any], run: Run, work: Path, tries: Tries
    ) -> None:
        root = ("--artifact", "root")
        run(10, "mkdir -p root/etc; echo 10 > root/etc/host", *root)
        run(30, "echo 30 >> root/etc/host")
        touch(work / "root")
        run(50, "echo 50 >> root/etc/host", *root)
        assert words(work / "root/etc/host") == ["10", "30", "50"]
        assert not (work / "root/etc/motd").exists()
        assert tries() == {"10": 1, "30": 2, "50": 1}

    def test_a_folder_that_was_only_read_does_not(self, run: Run, work: Path, tries: Tries) -> None:
        root = ("--artifact", "root")
        run(10, "mkdir -p root/etc; echo 10 > root/etc/host", *root)
        run(30, "echo 30 >> root/etc/host")
        assert words(work / "root/etc/host") == ["10", "30"]
        run(50, "cat root/etc/host", *EU)
        run(50, "tar cf us.tar root", *US, "--artifact", "us.tar")
        assert set(tries().values()) == {1}

    def test_one_that_is_edited_while_the_claim_is_waited_for_does_so_too(
        self,
        trunk: Trunk,
        work: Path,
        build: Build,
        shared_service: Service,
        environment: dict[str, str],
    ) -> None:
        trunk()
        other = shared_service.claim(build, 50, lane="eu")
        machine = Machine(work, environment)
        line = ("run", str(build.number), "--state", "50", *EU, *DISK)
        waiting = machine.start(*line, "--", "sh", "-c", "echo eu >> disk")
        try:
            assert waiting.process.stderr is not None
            assert b"is held by worker-a" in waiting.process.stderr.readline()
            (work / "disk").write_text("by hand\n")
            shared_service.fail(other)
            assert waiting.end().code == 0
        finally:
            waiting.clean_up()
        assert words(work / "disk") == ["10", "30", "eu"]
        told = [
            (each.state, each.status.value) for each in shared_service.client.history(build.number)
        ]
        assert told[2:] == [(50, "failed"), (30, "completed"), (50, "completed")]

    def test_what_is_there_unchanged_is_not_touched_by_a_restore(
        self, run: Run, work: Path
    ) -> None:
        run(10, "echo 10 > disk", *DISK)
        before = (work / "disk").stat()
        run(30, "true")
        after = (work / "disk").stat()
        assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
            before.st_ino,
            before.st_mtime_ns,
            before.st_ctime_ns,
        )
