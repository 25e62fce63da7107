"""One protocol for the exit status of every probe."""

import pytest

from buildstate_worker.handles.exit_status import ProbeVerdict, how_it_ended, verdict_of


@pytest.mark.parametrize(("status", "verdict"), [(0, ProbeVerdict.HOLDS), (1, ProbeVerdict.GONE)])
def test_two_statuses_are_an_answer(status: int, verdict: ProbeVerdict) -> None:
    assert verdict_of(status) is verdict


@pytest.mark.parametrize("status", [2, 3, 126, 127, 255, -1, -9, -15])
def test_any_other_status_says_that_nobody_can_tell(status: int) -> None:
    assert verdict_of(status) is ProbeVerdict.UNKNOWN


def test_how_a_probe_ended_is_said_in_words() -> None:
    assert [how_it_ended(each) for each in (2, -9, -40)] == [
        "ended with exit code 2",
        "was ended by SIGKILL",
        "was ended by signal 40",
    ]
