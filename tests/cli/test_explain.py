"""Plans and explanations: what a rerun would do, why, and what is not known about it."""

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest
from support import Service, image

from buildstate_cli.explain import view as explanations
from buildstate_cli.output import terminal
from buildstate_cli.output import text as plain
from buildstate_cli.plan import view as plans
from buildstate_core.models import Build, Explanation, Plan, PlannedMilestone

GIB = 1024**3

Bldst = Callable[..., Any]


def milestone(state: int, decision: str, **changes: Any) -> PlannedMilestone:
    fields = {
        "state": state,
        "state_name": None,
        "lane": "",
        "decision": decision,
        "reason": "unchanged",
        "text": "it is done",
        "artifacts": (),
    }
    return PlannedMilestone.model_validate({**fields, **changes})


def plan(*milestones: PlannedMilestone, **changes: Any) -> Plan:
    fields = {"build": 123, "status": "failed", "resume_from": 25, "milestones": milestones}
    return Plan.model_validate({**fields, **changes})


def test_a_plan_has_a_row_for_each_state_and_a_sentence_below() -> None:
    shown = plan(
        milestone(10, "skip"),
        milestone(25, "restore", state_name="Security baseline", download_bytes=GIB),
        milestone(50, "run", text="its newest attempt failed", expected_seconds=2045.0),
        milestone(70, "run", text="it has not been completed yet", expected_seconds=None),
        download_bytes=GIB,
        expected_seconds=2045.0,
    )
    *table, below = plain.render(plans.one(shown)).splitlines(keepends=True)
    assert "".join(table) == dedent("""\
        STATE                 DECISION  REASON     WHY                            DOWNLOAD  TIME
        10                    skip      unchanged  it is done                     -         -
        25 Security baseline  restore   unchanged  it is done                     1.0 GiB   -
        50                    run       unchanged  its newest attempt failed      -         34 min
        70                    run       unchanged  it has not been completed yet  -         -
        """)
    assert below == (
        "A rerun restores state 25 (1.0 GiB to download), runs 2 states, and takes at least 34"
        " min: how long state 70 takes is not known yet.\n"
    )


def test_a_plan_has_a_lane_column_only_with_lanes() -> None:
    shown = plan(milestone(10, "restore"), milestone(60, "run", lane="eu"))
    head, trunk, lane, _ = plain.render(plans.one(shown)).splitlines()
    assert head.split() == ["LANE", "STATE", "DECISION", "REASON", "WHY", "DOWNLOAD", "TIME"]
    assert (trunk.split()[:2], lane.split()[:2]) == (["-", "10"], ["eu", "60"])


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        pytest.param(
            plan(
                milestone(25, "restore"),
                *(milestone(each, "run", expected_seconds=680.0) for each in (30, 35, 50)),
                download_bytes=int(1.2 * GIB), expected_seconds=2040.0,
            ),
            "A rerun restores state 25 (1.2 GiB to download), runs 3 states, and takes about 34"
            " min as far as history tells.",
            id="all known",
        ),
        pytest.param(
            plan(milestone(10, "run"), milestone(25, "run"), resume_from=None),
            "A rerun runs 2 states from the beginning. How long that takes is not known yet.",
            id="nothing known",
        ),
        pytest.param(
            plan(milestone(10, "run", expected_seconds=5.0), resume_from=None,
                 expected_seconds=5.0),
            "A rerun runs 1 state from the beginning and takes about 5 s as far as history tells.",
            id="one state, from nothing",
        ),
        pytest.param(
            plan(milestone(25, "restore"), milestone(100, "restore")),
            "A rerun restores states 25 and 100 (nothing to download) and runs nothing.",
            id="nothing to run",
        ),
        pytest.param(
            plan(*(milestone(60, "run", lane=lane) for lane in ("a", "b")),
                 milestone(40, "restore"), resume_from=40, download_bytes=7),
            "A rerun restores state 40 (7 B to download) and runs 2 states in 2 lanes. How long"
            " that takes is not known yet.",
            id="lanes",
        ),
        pytest.param(
            plan(milestone(40, "run", expected_seconds=7200.0),
                 *(milestone(state, "run", lane="eu") for state in (60, 65, 70, 75, 80)),
                 resume_from=None, expected_seconds=7200.0),
            "A rerun runs 6 states in the trunk and 1 lane from the beginning and takes at least"
            " 2 h 00 min: how long 5 of them take is not known yet.",
            id="the trunk and a lane, and many unknown",
        ),
        pytest.param(
            plan(milestone(50, "wait", expected_seconds=60.0), milestone(70, "run"),
                 expected_seconds=60.0, status="in_progress"),
            "A rerun waits for state 50, which another worker has, runs 1 state, and takes at least"
            " 1 min: how long state 70 takes is not known yet.",
            id="another worker has it",
        ),
        pytest.param(
            plan(milestone(50, "refuse")),
            "A rerun refuses state 50 and runs nothing.",
            id="refused",
        ),
        pytest.param(
            plan(milestone(100, "skip"), status="completed"),
            "Build #123 is completed; it takes no more work.",
            id="completed",
        ),
        pytest.param(
            plan(status="cancelled"),
            "Build #123 is cancelled; it takes no more work.",
            id="cancelled",
        ),
    ],
)  # fmt: skip
def test_a_plan_in_a_sentence(shown: Plan, said: str) -> None:
    assert plans.sentence(shown) == said


def explanation(**changes: Any) -> Explanation:
    fields = {
        "build": 14,
        "state": 25,
        "state_name": "Security baseline",
        "lane": "",
        "attempt": None,
        "decision": "run",
        "reason": "recipe_changed:code",
        "text": "its recipe has changed: code",
        "compared_build": 12,
        "compared_attempt": 2,
        "parts": (),
    }
    return Explanation.model_validate({**fields, **changes})


def test_what_changed_comes_first() -> None:
    old, new = "0123456789abcdef" * 4, "fedcba9876543210" * 4
    parts = [
        {"part": "command", "before": old, "now": old, "change": "same"},
        {"part": "stdin", "before": None, "now": new, "change": "unknown"},
        {"part": "upstream:10", "before": f"sha256:{old}", "now": f"sha256:{new}",
         "change": "changed"},
        {"part": "code", "before": old, "now": new, "change": "changed"},
        {"part": "code:flow.harden", "before": old, "now": new, "change": "changed"},
    ]  # fmt: skip
    assert plain.render(explanations.one(explanation(parts=parts))) == dedent("""\
        A rerun of build #14 runs state 25 Security baseline: its recipe has changed: code.
        Compared with attempt 2 of build #12:
        PART              BEFORE        NOW           CHANGE
        code              0123456789ab  fedcba987654  changed
        code:flow.harden  0123456789ab  fedcba987654  changed
        upstream:10       0123456789ab  fedcba987654  changed
        stdin             -             fedcba987654  unknown
        command           0123456789ab  0123456789ab  same
        What is unknown is said by one of the two only, and not taken for a change.
        Never compared: the environment, installed packages, what commands and C code read.
        Never compared: the environment, remote sources, what scripts of its scripts read.
        What a rerun brings along (code, parameters, files) is known only then.
        """)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"compared_build": None, "compared_attempt": None, "text": "it is new"},
            [
                "A rerun of build #14 runs state 25 Security baseline: it is new.",
                "There was nothing to compare with: no earlier attempt has a result to keep.",
            ],
        ),
        (
            {"attempt": 3, "lane": "eu", "state_name": None},
            [
                "Attempt 3 of state 25, lane eu, build #14, ran: its recipe has changed: code.",
                "Compared with attempt 2 of build #12: neither says what it was made from.",
            ],
        ),
        (
            {"decision": "restore", "text": "it is done"},
            [
                "A rerun of build #14 restores state 25 Security baseline: it is done.",
                "Compared with attempt 2 of build #12: neither says what it was made from.",
            ],
        ),
    ],
)
def test_an_explanation_in_words(changes: dict[str, Any], said: list[str]) -> None:
    assert explanations.one(explanation(**changes)) == said


@pytest.mark.parametrize("width", [80, 120])
def test_a_plan_fits_a_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    shown = plan(
        milestone(25, "restore", state_name="Security baseline", download_bytes=GIB,
                  text="it is done, and nothing that goes into it has changed"),
        *(milestone(60, "run", lane=f"eu-west-{each}", state_name="Deployment and distribution",
                    text="it only changed a machine, and no later checkpoint covers it",
                    expected_seconds=754.0) for each in range(6)),
        download_bytes=GIB,
    )  # fmt: skip
    lines = terminal.render(plans.one(shown)).splitlines()
    assert max(map(len, lines)) <= width
    assert sum("eu-west-" in line for line in lines) == 6


class TestOfARealBuild:
    @pytest.fixture
    def service(self, module_service: Service, environment: dict[str, str]) -> Service:
        environment.update(BLDST_API_URL=module_service.url, BLDST_API_KEY=module_service.key)
        return module_service

    @pytest.fixture
    def build(self, service: Service, request: pytest.FixtureRequest) -> Build:
        """A build whose code at 25 was changed after its first attempt."""
        made = service.make_build(key=request.node.nodeid[-500:])
        for code in ("a" * 64, "b" * 64):
            claim = service.claim(made, 25, fingerprint={"code": code, "command": "c" * 64})
            service.complete(claim, image(content=code))
        service.fail(service.claim(made, 50), "mirror timed out")
        return made

    def test_a_plan_tells_what_is_downloaded_and_run(self, build: Build, bldst: Bldst) -> None:
        told = bldst("plan", str(build.number))
        assert (told.code, told.err) == (0, "")
        *_, below = told.out.splitlines()
        assert below.startswith("A rerun restores state 25 (64 B to download) and runs 11 states.")

    def test_an_attempt_is_compared_with_the_one_before(
        self, service: Service, build: Build, bldst: Bldst
    ) -> None:
        line = ("explain", f"#{build.number}", "25", "--attempt", "2")
        told = bldst(*line, "-o", "json")
        path = f"/v1/builds/{build.number}/explain?state=25&attempt=2"
        assert (told.code, told.err) == (0, "")
        assert told.data == service.request("GET", path).json
        [code] = [each for each in told.data["parts"] if each["change"] == "changed"]
        assert (code["part"], code["before"], code["now"]) == ("code", "a" * 64, "b" * 64)

        shown = bldst(*line).out.splitlines()
        assert shown[0].endswith("ran: its recipe has changed: code.")
        assert shown[1] == f"Compared with attempt 1 of build #{build.number}:"
        assert shown[3].split() == ["code", "a" * 12, "b" * 12, "changed"]
        assert shown[4].split() == ["command", "c" * 12, "c" * 12, "same"]

    def test_a_rerun_and_a_state_that_never_ran(self, build: Build, bldst: Bldst) -> None:
        failed = bldst("explain", str(build.number), "50").out
        assert "runs state 50 Application runtimes: its newest attempt failed.\n" in failed
        first = bldst("explain", str(build.number), "60")
        assert (first.code, first.err) == (0, "")
        assert "There was nothing to compare with" in first.out

    @pytest.mark.parametrize(
        "more", [["99"], ["25", "--attempt", "9"], ["25", "--lane", "no-such"]], ids=" ".join
    )
    def test_what_is_not_there_is_not_found(
        self, more: list[str], build: Build, bldst: Bldst
    ) -> None:
        told = bldst("explain", str(build.number), *more)
        assert (told.code, told.out) == (3, "")
        assert any(each in told.err for each in ("99", "9", "no-such"))

    def test_the_history_says_why_each_attempt_ran(self, build: Build, bldst: Bldst) -> None:
        shown = bldst("build", "history", str(build.number)).out
        assert "it has not been completed yet" in shown
        assert "its recipe has changed: code" in shown
        attempts = bldst("build", "history", str(build.number), "-o", "json").data
        assert attempts[1]["reason"] == "recipe_changed:code"
        assert attempts[1]["compared_with"] == attempts[0]["id"]
        assert attempts[1]["fingerprint"]["code"] == "b" * 64
