"""What takes more than one call of a command to tell: what it makes, changes, and is fed with."""

import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from .rows import UNSEEN
from .shells import Called, Shell

MakeShell = Callable[[str], Shell]

LINES = "one\ntwo\nthree\n"


@pytest.fixture
def one(shell: MakeShell) -> Shell:
    return shell("one")


@pytest.fixture
def other(shell: MakeShell) -> Shell:
    return shell("other")


class TestWhatItMakesAndChanges:
    """Is no input of its own, nor of any other, here or on another worker."""

    @pytest.mark.parametrize(
        "line",
        [
            "-- sed -i s/a/b/ hosts",
            "-- sh -c 'echo b >> hosts'",
            "-- sh -c 'echo b | tee -a hosts'",
            "-- dd if=/dev/null of=hosts",
            "-- cp new hosts",
            "-- cp -r more/. conf",
            "-- sh -c 'cp new made && mv made hosts'",
        ],
        ids=lambda line: line[3:],
    )
    def test_a_file_that_the_command_changes(self, one: Shell, other: Shell, line: str) -> None:
        for each in (one, other):
            each.write({"hosts": "a", "new": "b", "conf/hosts": "a", "more/hosts": "b"})
        done = one.call(line)
        assert (done.reason, "changed while" in done.err) == ("never_completed", False)
        assert one.call(line).reason == UNSEEN
        assert other.call(line).reason == UNSEEN

    def test_what_an_earlier_state_has_left(self, one: Shell, other: Shell) -> None:
        for each in (one, other):
            each.write({"base.pkr.hcl": "1"})
        one.call("-- sh -c 'mkdir -p out; echo 1 > out/log; echo 1 > manifest.json'", state=10)
        assert one.call("-- true .").reason == "never_completed"
        one.sh("touch manifest.json out/log")
        assert one.call("-- true .").reason == UNSEEN
        assert other.call("-- true .").reason == UNSEEN
        other.write({"base.pkr.hcl": "2"})
        assert other.call("-- true .").reason == "input_changed:."

    def test_what_an_earlier_state_has_left_and_a_person_has_changed_since(
        self, one: Shell, other: Shell
    ) -> None:
        """It is compared where it is there; another worker need not have it."""
        one.call("-- sh -c 'echo echo 1 > made.sh'", state=10)
        assert one.call("-- bash made.sh").reason == "never_completed"
        assert one.call("-- bash made.sh").reason == UNSEEN
        assert other.call("-- bash made.sh").reason == UNSEEN
        one.write({"made.sh": "echo 2"})
        assert one.call("-- bash made.sh").reason == "discovered_changed:made.sh"

    def test_an_artifact_that_is_restored(self, one: Shell, other: Shell) -> None:
        line = "--artifact out/full -- sh -c 'cat out/base > out/full'"
        one.call("--artifact out/base -- sh -c 'mkdir -p out; echo 1 > out/base'", state=10)
        assert one.call(line).reason == "never_completed"
        assert one.call(line).reason == UNSEEN
        assert other.call(line).reason == UNSEEN
        assert other.call("-- true out/base", state=30).code == 0
        assert one.call("-- true out/base", state=30).reason == UNSEEN

    def test_a_file_of_git_that_an_earlier_state_wrote_counts_all_the_same(
        self, one: Shell
    ) -> None:
        one.sh("git init --quiet")
        one.call("-- sh -c 'echo 1 > lock.hcl'", state=10)
        one.sh("git add lock.hcl")
        assert one.call("-- true .").reason == "never_completed"
        one.write({"lock.hcl": "2"})
        assert one.call("-- true .").reason == "input_changed:."


class TestWhatChangesWhileItRuns:
    """May have been read before or after that: it runs again."""

    @pytest.mark.parametrize(
        ("line", "name"),
        [
            ("--input hosts -- sh -c 'echo more >> hosts'", "hosts"),
            ("--input conf -- sh -c 'echo more >> conf/hosts'", "conf"),
            ("-- sh ./edit", "edit"),
            ("-- sh -s", "stdin"),
        ],
    )
    def test_it_warns_and_runs_again(self, one: Shell, line: str, name: str) -> None:
        one.write({"hosts": "a", "conf/hosts": "a", "edit": "echo >> edit; cat\n"})
        done = one.call(line, stdin="edit" if name == "stdin" else None)
        assert (done.code, done.reason) == (0, "never_completed")
        is_named = name != "stdin"
        assert (f"{name}" in done.err and "changed while this ran" in done.err) is is_named
        part = f"input_changed:{name}" if is_named else "recipe_changed:stdin"
        assert one.call(line, stdin="edit" if name == "stdin" else None).reason == part

    def test_what_is_excluded_may_change(self, one: Shell) -> None:
        one.write({"conf/hosts": "a"})
        line = "--input conf --exclude conf/hosts -- sh -c 'echo more >> conf/hosts'"
        assert "changed while" not in one.call(line).err
        assert one.call(line).reason == UNSEEN


class TestArtifacts:
    def test_only_another_path_puts_the_file_there(self, one: Shell) -> None:
        assert one.call("--artifact out/disk -- sh -c 'mkdir out; echo 1 > out/disk'").code == 0
        again = one.call("--artifact new/disk -- sh -c 'mkdir out; echo 1 > out/disk'")
        assert (again.reason, "it was made at out/disk" in again.err) == (UNSEEN, True)
        assert (one.checkout / "new/disk").read_text() == "1\n"

    def test_a_glob_names_the_one_that_was_made(self, one: Shell, other: Shell) -> None:
        one.write({"out/1.img": "1", "out/2.img": "2"})
        line = "--artifact 'out/*.img' -- sh -c 'mkdir -p out; echo 3 > out/3.img'"
        assert one.call(line).code == 0
        made = one.service.client.list_artifacts(one.build.number)
        assert [each.name for each in made] == ["3.img"]
        assert one.call(line).reason == UNSEEN
        assert other.call(line).reason == UNSEEN

    @pytest.mark.parametrize(
        ("script", "said"),
        [
            ("true", "--artifact out/*.img matches nothing"),
            ("mkdir out; touch out/1.img out/2.img", "matches 2 files, 2 of which it has made"),
        ],
    )
    def test_a_glob_that_does_not_match_one_fails(self, one: Shell, script: str, said: str) -> None:
        refused = one.call(f"--artifact 'out/*.img' -- sh -c '{script}'")
        assert refused.code == 1
        assert said in refused.err

    def test_a_glob_that_matches_only_leftovers_fails_or_warns(self, one: Shell) -> None:
        one.write({"out/1.img": "1"})
        left = one.call("--artifact 'out/*.img' -- true")
        assert (left.code, "has not touched it" in left.err.replace("\n      ", "")) == (0, True)
        one.write({"out/2.img": "1"})
        refused = one.call("--artifact 'out/*.img' -- true", state=30)
        assert (refused.code, "none of which it has made" in refused.err) == (1, True)


class TestStandardInput:
    def test_it_counts_from_where_the_command_begins_to_read(self, one: Shell) -> None:
        one.write({"regions": LINES})
        assert one.call("-- cat", stdin="regions", skipped=4).reason == "never_completed"
        one.write({"regions": f"six\n{LINES[4:]}"})
        assert one.call("-- cat", stdin="regions", skipped=4).reason == UNSEEN
        assert one.call("-- cat", stdin="regions").reason == "recipe_changed:stdin"

    def test_a_loop_over_the_lines_of_a_file_goes_through_all_of_them(self, one: Shell) -> None:
        bldst = Path(sys.executable).with_name("bldst")
        one.write({"regions": LINES})
        script = f"""
        state=10
        while read region; do
            {bldst} run {one.build.number} --state $state --kind effect -- \\
                sh -c "echo $region >> seen"
            state=$((state + 1))
        done < regions
        """
        for _ in range(2):
            subprocess.run(
                ["sh", "-ec", script], cwd=one.checkout, env=one.environ, check=True, timeout=60
            )
        assert (one.checkout / "seen").read_text() == LINES

    def test_a_pipe_that_holds_something_is_said_to_be_not_compared(self, one: Shell) -> None:
        said = "; not compared: what comes through the pipe on standard input"
        one.call("-- true")
        assert said in one.call("-- true", pipe="x").err
        assert said not in one.call("-- true", pipe="").err
        assert said not in one.call("-- true").err

    def test_a_pipe_that_is_read_first_is_said_to_be_compared(self, one: Shell) -> None:
        one.call("--stdin -- cat", pipe="x")
        skipped = one.call("--stdin -- cat", pipe="x")
        assert "compared: the command, standard input" in skipped.err
        assert "not compared" not in skipped.err

    def test_the_command_has_all_that_was_read_first(self, one: Shell) -> None:
        assert one.call("--stdin -- sh -c 'cat > seen'", pipe="some text").code == 0
        assert (one.checkout / "seen").read_text() == "some text"

    def test_more_than_is_kept_is_refused(self, one: Shell) -> None:
        refused = one.call("--stdin -- cat", stdin="/dev/zero")
        assert (refused.code, refused.reason) == (2, "stdin-too-large")
        assert one.reasons(25) == []


class TestGoingBack:
    """A state that has to run again is fed again as it was, or refused."""

    @staticmethod
    def pass_of(
        shell: Shell, last: str, *, pipe: str | None = None, file: str | None = None
    ) -> Called:
        shell.call("--artifact disk -- sh -c 'echo 25 > disk'")
        shell.call("--kind step -- sh -c 'cat >> disk'", state=30, pipe=pipe, stdin=file)
        return shell.call(f"--artifact disk -- sh -c 'echo {last} >> disk'", state=50)

    def test_what_came_through_a_pipe_is_gone(self, one: Shell, other: Shell) -> None:
        assert self.pass_of(one, "50", pipe="30\n").code == 0
        refused = self.pass_of(other, "fifty", pipe="30\n")
        assert (refused.code, refused.reason) == (4, "stdin-gone")
        assert "State 30 has to run first, and cannot be called again from here" in refused.err

    def test_a_file_is_read_again(self, one: Shell, other: Shell) -> None:
        for each in (one, other):
            each.write({"text": "30\n"})
        assert self.pass_of(one, "50", file="text").code == 0
        assert self.pass_of(other, "fifty", file="text").code == 0
        assert (other.checkout / "disk").read_text() == "25\n30\nfifty\n"

    def test_a_file_that_is_another_one_by_now_is_gone(self, one: Shell, other: Shell) -> None:
        for each in (one, other):
            each.write({"text": "30\n"})
        assert self.pass_of(one, "50", file="text").code == 0
        assert self.pass_of(other, "50", file="text").reason == UNSEEN
        other.write({"text": "thirty\n"})
        refused = other.call("--artifact disk -- sh -c 'echo fifty >> disk'", state=50)
        assert (refused.code, refused.reason) == (4, "stdin-gone")


def test_ten_thousand_inputs_are_seen_one_by_one(one: Shell) -> None:
    files = [f"conf/{number // 100}/{number}" for number in range(10_000)]
    one.write(dict.fromkeys(files, "1"))
    lines = {
        30: ("--input conf -- true", "conf"),
        31: ("--input 'conf/**/*' -- true", "conf/**/*"),
        32: ("-- true conf", "conf"),
        33: (f"{' '.join(f'--input {each}' for each in files)} -- true", "*"),
    }
    for state, (line, _) in lines.items():
        assert one.call(line, state=state).reason == "never_completed"
    assert one.call(line, state=state).reason == UNSEEN
    one.write({"conf/42/4242": "2"})
    for state, (line, name) in lines.items():
        assert one.call(line, state=state).reason == f"input_changed:{name}"


def test_two_forms_of_one_name_in_unicode_are_one(one: Shell, other: Shell) -> None:
    for form, each in (("NFC", one), ("NFD", other)):
        name = unicodedata.normalize(form, "caf\u00e9.txt")
        each.write({name: "1"})
        reason = each.call(f"--version 1 --input {name} -- true {name}").reason
        assert reason == (UNSEEN if each is other else "never_completed")


def test_what_was_done_before_today_runs_again_if_that_is_asked_for(one: Shell) -> None:
    assert one.call("--max-age 0 -- true").reason == "never_completed"
    assert one.call("--max-age 1 -- true").reason == UNSEEN
    assert one.call("--max-age 0 -- true").reason == "past_max_age:0"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-- true", "the command only"),
        ("-- true hosts conf", "the command, 3 files that it names"),
        ("--no-auto-input -- true hosts", "the command only"),
        ("-- make", "the command, 1 file that make reads"),
        ("-- vagrant up", "the command only"),
        ("-- true gone.txt", "the command, 1 file that was not there"),
        (
            "--input hosts --param a=1 --tool 'echo 1' -- true hosts",
            "the command, 1 parameter, 1 input, 1 tool",
        ),
        ("--code ignore -- true", "nothing of what goes into it"),
        ("--version 1 --input hosts -- true", "the version, 1 input"),
    ],
    ids=lambda each: each,
)
def test_a_skip_says_what_was_compared(one: Shell, line: str, said: str) -> None:
    one.write({"hosts": "1", "conf/a": "1", "conf/b": "1", "Makefile": "1"})
    one.call(line)
    assert one.call(line).err.rstrip().endswith(f"; compared: {said}")
