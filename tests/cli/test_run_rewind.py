"""`bldst run` when a skip proves wrong: it goes back within the pass, by what was called here."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest
from support import Service

from buildstate_core.models import Attempt, Build


class Call(Protocol):
    """Run a shell command as a state, in the folder of a machine of that name."""

    def __call__(self, machine: str, state: int, command: str, *flags: str, **env: str) -> Any: ...


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    folder = tmp_path / "storage"
    folder.mkdir()
    return folder


@pytest.fixture
def build(shared_service: Service, storage: Path) -> Build:
    project = shared_service.make_project(f"p{os.urandom(8).hex()}", storage_url=storage.as_uri())
    return shared_service.make_build(project)


@pytest.fixture
def run(
    shared_service: Service,
    build: Build,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bldst: Callable[..., Any],
) -> Call:
    environment.update(BLDST_API_URL=shared_service.url, BLDST_API_KEY=shared_service.key)

    def run(machine: str, state: int, command: str, *flags: str, **env: str) -> Any:
        (tmp_path / machine).mkdir(exist_ok=True)
        monkeypatch.chdir(tmp_path / machine)
        line = ("run", str(build.number), "--state", str(state), *flags)
        cache = str(tmp_path / f"cache-{machine}")
        return bldst(*line, "--", "sh", "-c", command, BLDST_CACHE_DIR=cache, **env)

    return run


@pytest.fixture
def story(shared_service: Service, build: Build) -> Callable[[], list[Attempt]]:
    return lambda: list(shared_service.client.history(build.number))


Story = Callable[[], list[Attempt]]


def told(attempts: list[Attempt]) -> list[tuple[int, str, str | None]]:
    return [(each.state, each.status.value, each.reason) for each in attempts]


def corrupt(storage: Path, state: int) -> None:
    """Change what a state left; the size stays."""
    for path in storage.rglob(f"state-{state}/**/disk"):
        path.chmod(0o644)
        path.write_bytes(bytes(each ^ 0xFF for each in path.read_bytes()))


DISK = ("--artifact", "disk")


def trunk(run: Call, machine: str, last: str = "echo 50 >> disk") -> Any:
    """The design's example, up to and with state 50; what each did is in the file."""
    for state, mark, flags in ((10, ">", DISK), (25, ">>", DISK), (30, ">>", ()), (35, ">>", ())):
        assert run(machine, state, f"echo {state} {mark} disk", *flags).code == 0
    return run(machine, 50, last, *DISK)


def lines(tmp_path: Path, machine: str, name: str = "disk") -> list[str]:
    return (tmp_path / machine / name).read_text().split()


def test_steps_that_a_checkpoint_stood_in_for_run_when_it_has_to_be_made_anew(
    run: Call, tmp_path: Path, story: Story
) -> None:
    assert trunk(run, "a").code == 0
    ended = trunk(run, "b", "echo 50b >> disk")
    assert ended.code == 0
    assert lines(tmp_path, "b") == ["10", "25", "30", "35", "50b"]
    assert told(story()[5:]) == [
        (30, "completed", "rewound"),
        (35, "completed", "rewound"),
        (50, "completed", "recipe_changed:command"),
    ]
    assert "it needs state 30 first" in ended.err
    assert "States 30 and 35 are called again now, as they were here" in ended.err
    assert "then state 50 goes on" in ended.err
    # Now it is as any other pass: there is nothing left to do, or to go back for.
    before = story()
    assert trunk(run, "b", "echo 50b >> disk").code == 0
    assert story() == before


def test_a_corrupt_artifact_is_made_anew_and_what_needs_it_goes_on(
    run: Call, tmp_path: Path, story: Story, storage: Path
) -> None:
    assert trunk(run, "a", "exit 9").code == 9
    corrupt(storage, 25)
    for state, mark, flags in ((10, ">", DISK), (25, ">>", DISK)):
        assert run("b", state, f"echo {state} {mark} disk", *flags).code == 0
    ended = run("b", 30, "echo 30 >> disk")
    assert ended.code == 0
    assert lines(tmp_path, "b") == ["10", "25", "30"]
    given_up, anew, done = story()[5:]
    assert told([anew, done])[0] == (25, "completed", "artifact_corrupt")
    assert (given_up.state, given_up.status, done.state) == (30, "cancelled", 30)
    assert "given up to run state 25 again first" in (given_up.message or "")


def test_what_is_missing_for_what_is_missing_is_made_first(
    run: Call, tmp_path: Path, story: Story, storage: Path
) -> None:
    """State 50 has to run; it needs 30, which needs 25, whose bytes are corrupt."""
    assert trunk(run, "a").code == 0
    corrupt(storage, 25)
    assert trunk(run, "b", "echo 50b >> disk").code == 0
    assert lines(tmp_path, "b") == ["10", "25", "30", "35", "50b"]
    done = [each.state for each in story()[5:] if each.status == "completed"]
    assert done == [25, 30, 35, 50]


def test_a_checkpoint_in_between_that_is_good_is_skipped(run: Call, story: Story) -> None:
    def pipeline(machine: str, last: str) -> Any:
        trunk(run, machine)
        run(machine, 55, "echo 55 >> disk")
        run(machine, 60, last, "--artifact", "image", "--restore", "50", "--restore", "25")

    pipeline("a", "cp disk image")
    before = len(story())
    pipeline("b", "cat disk disk > image")
    assert [each.state for each in story()[before:]] == [55, 60]


def test_where_the_call_is_not_known_it_is_refused_and_named(
    run: Call, tmp_path: Path, story: Story
) -> None:
    """As where each state is a CI job of its own."""
    trunk(run, "a", "exit 9")
    before = story()
    refused = run("b", 50, "touch ran")
    assert (refused.code, (tmp_path / "b/ran").exists(), story()) == (4, False, before)
    assert "it needs state 30 first" in refused.err
    # And again: nothing has been noted that would make it look known.
    assert run("b", 50, "touch ran").code == 4


def test_a_call_that_has_left_the_pipeline_since_is_not_made_again(
    run: Call, tmp_path: Path
) -> None:
    trunk(run, "a", "exit 9")
    (tmp_path / "a/.bldst/machine").rename(tmp_path / "elsewhere")
    for state, mark in ((10, ">"), (25, ">>")):
        run("a", state, f"echo {state} {mark} disk", *DISK)
    refused = run("a", 50, "touch ran")
    assert (refused.code, (tmp_path / "a/ran").exists()) == (4, False)
    assert "it needs state 30 first" in refused.err


def test_what_fails_when_it_is_run_again_ends_the_pass(
    run: Call, tmp_path: Path, story: Story
) -> None:
    for machine in ("a", "b"):
        run(machine, 25, "echo 25 > disk", *DISK)
        run(machine, 30, 'echo 30 >> disk; exit "$END"', END="0")
        ended = run(machine, 50, f"touch ran; echo {machine} > disk", *DISK, END="7")
    assert (ended.code, (tmp_path / "b/ran").exists()) == (7, False)
    assert "the command ended with exit code 7" in ended.err
    assert "State 50 is not run: it needs state 30 first." in ended.err
    assert told(story()[-1:])[0][:2] == (30, "failed")


def test_a_lane_has_the_trunk_s_steps_made_again(run: Call, tmp_path: Path, story: Story) -> None:
    for machine in ("a", "b"):
        run(machine, 25, "echo 25 > disk", *DISK)
        run(machine, 30, "echo 30 >> disk")
        if machine == "a":
            run(machine, 50, "echo 50 >> disk", *DISK)
    # The lane fails half-way, so that this machine is no longer as the trunk has left it.
    failed = run("b", 40, "echo half >> disk; exit 3", "--lane", "eu", *DISK)
    ended = run("b", 40, "echo 40 >> disk", "--lane", "eu", *DISK)
    assert (failed.code, ended.code) == (3, 0)
    assert lines(tmp_path, "b") == ["25", "30", "40"]
    assert [each.lane for each in story()[-2:]] == ["", "eu"]


def test_an_input_is_read_again_after_what_makes_it_has_run(
    run: Call, tmp_path: Path, story: Story
) -> None:
    """What is recorded is what was there when the command ran."""

    def pipeline(machine: str, text: str) -> Any:
        run(machine, 25, "echo 25 > disk", *DISK)
        run(machine, 30, 'echo 30 >> disk; echo "$TEXT" > list', TEXT=text)
        return run(machine, 50, "cat list >> disk", *DISK, "--input", "list", TEXT=text)

    assert pipeline("a", "one").code == 0
    (tmp_path / "a/list").write_text("by hand")
    (tmp_path / "a/.bldst/machine").rename(tmp_path / "elsewhere")
    assert pipeline("a", "two").code == 0
    assert lines(tmp_path, "a") == ["25", "30", "two"]
    before = story()
    assert run("a", 50, "cat list >> disk", *DISK, "--input", "list").code == 0
    assert story() == before


class TestStreams:
    @pytest.fixture
    def again(self, run: Call) -> Callable[..., Any]:
        """Have state 30 run again for state 50."""

        def again(*flags: str) -> Any:
            for machine in ("a", "b"):
                run(machine, 25, "echo 25 > disk", *DISK)
                run(machine, 30, "echo noise; cat > seen")
                ended = run(machine, 50, f"echo said; : {machine}", *DISK, *flags)
            return ended

        return again

    def test_what_it_prints_is_not_taken_for_what_was_called(self, again: Any) -> None:
        ended = again()
        assert (ended.code, ended.out) == (0, "said\n")
        assert "noise" in ended.err

    def test_with_json_stdout_is_the_attempt_that_was_asked_for(self, again: Any) -> None:
        assert again("--output", "json").data["state"] == 50

    def test_what_is_piped_in_is_for_the_call_that_was_typed(
        self, again: Any, tmp_path: Path
    ) -> None:
        read, write = os.pipe()
        kept = os.dup(0)
        os.write(write, b"for state 50")
        os.close(write)
        os.dup2(read, 0)
        try:
            assert again().code == 0
        finally:
            os.dup2(kept, 0)
            os.close(kept)
            os.close(read)
        assert lines(tmp_path, "b", "seen") == []


class TestJournal:
    @pytest.fixture
    def file(self, run: Call, tmp_path: Path) -> Path:
        """The call of state 30 on a machine that will need it again."""
        run("a", 25, "echo 25 > disk", *DISK)
        run("a", 30, "touch again; echo 30 >> disk", "--param", "key=s3cret-too", TOKEN="s3cret")
        (tmp_path / "a/.bldst/machine").rename(tmp_path / "elsewhere")
        (tmp_path / "a/again").unlink()
        [file] = (tmp_path / "a/.bldst/journal").rglob("30.json")
        return file

    def test_it_is_closed_to_others_and_knows_no_environment_and_no_params(
        self, file: Path
    ) -> None:
        modes = [oct(each.stat().st_mode & 0o777) for each in (file, *list(file.parents)[:3])]
        assert modes == ["0o600", "0o700", "0o700", "0o700"]
        assert "s3cret" not in file.read_text()
        assert list(json.loads(file.read_text())["params"]) == ["param:key"]

    @pytest.mark.usefixtures("file")
    def test_what_is_called_again_is_the_same_recipe(
        self, run: Call, tmp_path: Path, story: Story
    ) -> None:
        assert run("a", 50, "true").code == 0
        assert (tmp_path / "a/again").exists()
        first, again = [each for each in story() if each.state == 30]
        assert first.fingerprint == again.fingerprint
        assert "param:key" in again.fingerprint

    @pytest.mark.parametrize(
        "spoil",
        [
            pytest.param(lambda file: file.chmod(0o644), id="others may read it"),
            pytest.param(lambda file: file.write_text("{"), id="half"),
            pytest.param(lambda file: file.write_text("[]"), id="a list"),
            pytest.param(lambda file: file.write_bytes(b"\xff\0"), id="bytes"),
            pytest.param(lambda file: file.rename(file.with_name("31.json")), id="another state"),
            pytest.param(
                lambda file: file.write_text(file.read_text().replace('["sh"', '["sh", 5')),
                id="a word that is none",
            ),
            pytest.param(
                lambda file: file.write_text(file.read_text().replace("echo 30", "echo 31")),
                id="another command",
            ),
            pytest.param(
                lambda file: next(file.parents[5].rglob("machine.key")).write_bytes(bytes(32)),
                id="signed on another machine",
            ),
            pytest.param(
                lambda file: (
                    file.rename(file.with_name("aside")),
                    file.symlink_to(file.with_name("aside")),
                ),
                id="a link",
            ),
        ],
    )
    def test_what_another_may_have_written_or_makes_no_sense_is_not_run(
        self, spoil: Callable[[Path], Any], file: Path, run: Call, tmp_path: Path
    ) -> None:
        spoil(file)
        refused = run("a", 50, "touch ran")
        assert (refused.code, (tmp_path / "a/ran").exists()) == (4, False)
        assert not (tmp_path / "a/again").exists()

    def test_words_come_back_as_they_were(
        self, run: Call, tmp_path: Path, build: Build, bldst: Callable[..., Any]
    ) -> None:
        run("a", 25, "echo 25 > disk", *DISK)
        words = ["--", "a b", "*", "", "größe", "\n\t"]
        line = ("run", str(build.number), "--state", "30", "--", "sh", "-c")
        assert bldst(*line, 'printf "%s|" "$@" >> w', "sh", *words).code == 0
        (tmp_path / "a/.bldst/machine").rename(tmp_path / "elsewhere")
        assert run("a", 50, "true").code == 0
        assert (tmp_path / "a/w").read_text() == "".join(f"{each}|" for each in words) * 2

    def test_a_workspace_that_cannot_be_written_warns_and_goes_on(
        self, run: Call, tmp_path: Path
    ) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a/.bldst").touch()
        ended = run("a", 25, "true")
        assert ended.code == 0
        assert "how to run this state again, if a later one needs it" in ended.err
