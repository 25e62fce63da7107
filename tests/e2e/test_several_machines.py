"""Several machines at work on one build: what is delivered has all of its steps."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.machine import Ended, Machine, Started, Story

Step = Callable[..., Ended]

PAUSED = "if [ -e pause ]; then touch at-work; until [ -e go-on ]; do sleep 0.05; done; fi"
"""Part of a command, so that its text is the same on all machines: one of them takes its time."""

BASE = "echo base > disk"
HARDEN = f"echo hardened >> disk; {PAUSED}"
DELIVER = 'cat disk > "$DELIVERED"'


@pytest.fixture
def delivered(tmp_path: Path) -> Path:
    """What an effect has published, seen from outside."""
    return tmp_path / "delivered"


@pytest.fixture
def begin(build: str) -> Callable[..., Started]:
    """Start a shell command as a state of the build, on a machine."""

    def start(machine: Machine, state: int, command: str, *flags: str, **environ: str) -> Started:
        run = ["run", build, "--state", str(state), *flags]
        return machine.start(*run, "--", "sh", "-c", command, **environ)

    return start


@pytest.fixture
def at_work(begin: Callable[..., Started], elsewhere: Machine) -> Callable[..., Started]:
    """Have the other machine be at work on a state."""

    def start(state: int, command: str, *flags: str) -> Started:
        elsewhere.write("pause")
        started = begin(elsewhere, state, command, *flags)
        elsewhere.await_file("at-work")
        return started

    return start


def test_who_has_done_a_step_goes_on_while_another_machine_repeats_it(
    machine: Machine,
    elsewhere: Machine,
    step: Step,
    at_work: Callable[..., Started],
    delivered: Path,
) -> None:
    step(machine, 10, BASE, "--artifact", "disk")
    step(machine, 30, HARDEN)
    repeating = at_work(30, HARDEN)
    assert step(machine, 50, "echo installed >> disk", "--artifact", "disk").code == 0
    publish = ["--kind", "effect"]
    assert step(machine, 100, DELIVER, *publish, DELIVERED=str(delivered)).code == 0
    assert delivered.read_text() == "base\nhardened\ninstalled\n"
    elsewhere.write("go-on")
    assert repeating.end().code == 0


class TestAboveAStateThatIsMadeAnew:
    @pytest.fixture
    def remaking(self, machine: Machine, step: Step, at_work: Callable[..., Started]) -> Started:
        """Another machine makes 30 anew, for its recipe has changed."""
        step(machine, 10, BASE, "--artifact", "disk")
        step(machine, 30, HARDEN)
        step(machine, 50, "echo installed >> disk", "--artifact", "disk")
        return at_work(30, HARDEN, "--param", "level=2")

    @pytest.mark.usefixtures("remaking")
    def test_nobody_begins_or_skips_who_does_not_wait(
        self, machine: Machine, step: Step, story: Story
    ) -> None:
        known = story()
        for state, command in ((50, "echo installed >> disk"), (100, "touch published")):
            held = step(machine, state, command, "--wait", "0")
            assert held.code == 7
            assert "state 30, which it builds on, is held by server-b" in held.err
        assert (story(), machine.has("published")) == (known, False)

    @pytest.mark.usefixtures("remaking")
    def test_the_plan_and_an_explanation_say_so_in_the_same_words(
        self, machine: Machine, build: str
    ) -> None:
        words = "state 30, which it builds on, is held by server-b"
        plan = machine.bldst("plan", build, "--output", "json").data
        [planned] = [each for each in plan["milestones"] if each["state"] == 50]
        assert (planned["decision"], planned["reason"]) == ("wait", "held_below:30")
        assert planned["text"] == words
        explained = machine.bldst("explain", build, "50", "--output", "json").data
        assert (explained["decision"], explained["text"]) == ("wait", words)

    def test_who_runs_the_same_pipeline_waits_and_goes_on(
        self,
        machine: Machine,
        elsewhere: Machine,
        remaking: Started,
        begin: Callable[..., Started],
        step: Step,
        story: Story,
    ) -> None:
        waiting = begin(machine, 30, HARDEN, "--param", "level=2")
        assert waiting.process.stderr is not None
        assert b"it is held by server-b; waiting until" in waiting.process.stderr.readline()
        elsewhere.write("go-on")
        assert (remaking.end().code, waiting.end().code) == (0, 0)
        assert step(machine, 50, "echo installed >> disk", "--artifact", "disk").code == 0
        assert machine.read("disk") == "base\nhardened\ninstalled\n"
        assert story()[-1] == (50, "completed", "upstream_changed:30")


def test_a_step_made_of_an_older_checkpoint_is_made_again_first(
    machine: Machine, elsewhere: Machine, step: Step, build: str, story: Story
) -> None:
    base = 'echo "base $(cat /proc/sys/kernel/random/uuid)" > disk'
    step(machine, 20, base, "--artifact", "disk")
    step(machine, 25, HARDEN)
    machine.bldst("force", build, "20", "--reason", "to have it anew")
    step(elsewhere, 20, base, "--artifact", "disk")
    new = elsewhere.read("disk")
    assert step(machine, 30, "echo installed >> disk", "--artifact", "disk").code == 0
    assert machine.read("disk") == f"{new}hardened\ninstalled\n"
    assert [each[0] for each in story()] == [20, 25, 20, 25, 30]


def test_a_stale_checkpoint_is_not_published(
    machine: Machine, elsewhere: Machine, step: Step, build: str
) -> None:
    base = 'echo "base $(cat /proc/sys/kernel/random/uuid)" > disk'
    step(machine, 20, base, "--artifact", "disk")
    step(machine, 50, HARDEN, "--artifact", "disk")
    machine.bldst("force", build, "20", "--reason", "to have it anew")
    step(elsewhere, 20, base, "--artifact", "disk")
    refused = step(elsewhere, 100, "touch published", "--kind", "effect")
    assert (refused.code, elsewhere.has("published")) == (4, False)
    assert "it needs state 50 first" in refused.err


class TestACallInsideOfAnother:
    @pytest.mark.parametrize("state", [30, 50, 60])
    def test_it_is_refused_at_once(
        self, machine: Machine, step: Step, build: str, state: int
    ) -> None:
        inner = f"bldst run {build} --state {state} -- touch ran"
        refused = step(machine, 50, inner)
        assert (refused.code, machine.has("ran")) == (4, False)
        assert f"State {state} of build {build} is called from inside of state 50" in refused.err


class TestAStateThatFailed:
    def test_it_is_called_once_in_a_pass_and_named_by_those_above(
        self, machine: Machine, step: Step
    ) -> None:
        step(machine, 10, BASE, "--artifact", "disk")
        assert step(machine, 47, "echo tried >> log; exit 3").code == 3
        for state in (50, 55):
            refused = step(machine, state, "touch ran")
            assert (refused.code, machine.has("ran")) == (4, False)
            assert "State 47 failed in this pass." in refused.err
        assert machine.read("log") == "tried\n"

    def test_the_next_pass_calls_it_again(self, machine: Machine, step: Step) -> None:
        flaky = "[ -e mended ]"
        assert step(machine, 47, flaky).code == 1
        machine.write("mended")
        assert step(machine, 47, flaky).code == 0
        assert step(machine, 50, "true").code == 0

    def test_if_it_is_not_in_the_pipeline_any_more_a_waiver_is_the_way_out(
        self, machine: Machine, elsewhere: Machine, step: Step, build: str
    ) -> None:
        step(machine, 47, "false")
        refused = step(elsewhere, 50, "true")
        assert refused.code == 4
        waive = f"bldst waive {build} 47 --reason TEXT"
        assert waive in " ".join(refused.err.split())
        assert machine.bldst("waive", build, "47", "--reason", "it is gone").code == 0
        assert step(elsewhere, 50, "true").code == 0


class TestAnArtifactThatNobodyHasVerified:
    @pytest.fixture
    def report(self, machine: Machine, build: str, tmp_path: Path) -> Callable[[str], None]:
        """Report state 20 with an image whose digest nobody says."""
        image = tmp_path / "reported.img"

        def add(content: str) -> None:
            image.write_text(content)
            stored = ["--storage-type", "file", "--storage-path", image.as_uri()]
            state = ["--state", "20", "--status", "completed"]
            assert machine.bldst("build", "add-state", build, *state, *stored).code == 0

        return add

    def test_what_stands_on_it_is_kept_once_it_is_verified(
        self, machine: Machine, step: Step, story: Story, report: Callable[[str], None]
    ) -> None:
        report("one")
        for _ in range(2):
            assert step(machine, 30, "cat reported.img > disk", "--artifact", "disk").code == 0
        assert [each[0] for each in story()] == [20, 30]

    def test_what_stands_on_it_runs_if_it_is_reported_anew(
        self, machine: Machine, step: Step, story: Story, report: Callable[[str], None]
    ) -> None:
        for content in ("one", "two"):
            report(content)
            assert step(machine, 30, "cat reported.img > disk", "--artifact", "disk").code == 0
        assert machine.read("disk") == "two"
        assert story()[-1] == (30, "completed", "upstream_changed:20")
