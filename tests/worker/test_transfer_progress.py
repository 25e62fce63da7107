"""How far a transfer is: told now and then, with the time that is left, also in lines."""

from contextlib import suppress
from types import SimpleNamespace

import pytest

from buildstate_core.models import Transfer
from buildstate_core.vocabulary import Activity
from buildstate_worker.transfer_progress import Lines, Moving

MIB = 2**20


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1000.0)
    time = SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr("buildstate_worker.transfer_progress.time", time)
    return clock


def moving(told: list[Transfer], total_bytes: int | None = 100) -> Moving:
    return Moving(Activity.UPLOADING, "image.raw", total_bytes=total_bytes, tell=told.append)


def moved(percent: int, name: str = "image.qcow2", left: float | None = 41) -> Transfer:
    return Transfer(
        activity=Activity.UPLOADING,
        name=name,
        done_bytes=percent * MIB,
        total_bytes=100 * MIB,
        seconds_left=left,
    )


def told_of(*steps: tuple[float, Transfer]) -> list[str]:
    """Give the lines for transfers that were that far at these seconds."""
    told: list[str] = []
    now = [0.0]
    with Lines(say=told.append, clock=lambda: now[0]) as lines:
        for at, transfer in steps:
            now[0] = at
            lines(transfer)
    return told


def test_the_first_and_the_last_are_told_and_some_between(clock: SimpleNamespace) -> None:
    told: list[Transfer] = []
    move = moving(told)
    for done in range(0, 101, 5):
        move(done)
        clock.now += 0.06
    assert [each.done_bytes for each in told] == [0, 20, 40, 60, 80, 100]


def test_the_time_left_follows_the_speed(clock: SimpleNamespace) -> None:
    told: list[Transfer] = []
    move = moving(told)
    move(0)
    clock.now += 0.5
    move(10)
    clock.now += 1.5
    move(20)
    assert [each.seconds_left for each in told] == [None, None, 8.0]


def test_what_an_earlier_download_got_says_nothing_about_this_ones_speed(
    clock: SimpleNamespace,
) -> None:
    told: list[Transfer] = []
    move = moving(told)
    move(80)
    clock.now += 2
    move(90)
    assert told[-1].seconds_left == 2.0


def test_of_an_unknown_size_nobody_says_when_it_ends(clock: SimpleNamespace) -> None:
    told: list[Transfer] = []
    move = moving(told, None)
    move(1)
    clock.now += 5
    move(2)
    assert [(each.done_bytes, each.seconds_left) for each in told] == [(1, None), (2, None)]


def test_nothing_is_said_of_what_is_quick() -> None:
    assert told_of((0, moved(0)), (5, moved(50)), (9.9, moved(100))) == []


def test_a_line_every_ten_seconds_and_one_at_the_end() -> None:
    steps = [(float(at), moved(min(at * 4, 99))) for at in range(25)]
    assert told_of(*steps, (25.0, moved(100))) == [
        "uploading image.qcow2: 40 %, 40.0 of 100.0 MiB, 41 s left",
        "uploading image.qcow2: 80 %, 80.0 of 100.0 MiB, 41 s left",
        "uploaded image.qcow2: 100.0 MiB in 25.0 s",
    ]


def test_each_transfer_has_its_own_ten_seconds() -> None:
    first = (0.0, moved(0)), (9.0, moved(100))
    assert (
        told_of(*first, (9.0, moved(0, "b")), (15.0, moved(9, "b")), (18.0, moved(100, "b"))) == []
    )


def test_of_an_unknown_size_the_line_says_what_is_done() -> None:
    unknown = Transfer(activity=Activity.DOWNLOADING, name="image.raw", done_bytes=3 * MIB)
    assert told_of((0, unknown), (10, unknown)) == ["downloading image.raw: 3.0 MiB"]


def test_what_failed_is_forgotten_with_the_block_that_it_failed_in() -> None:
    told: list[str] = []
    now = [0.0]
    lines = Lines(say=told.append, clock=lambda: now[0])
    with suppress(ConnectionError), lines:
        lines(moved(0))
        raise ConnectionError
    now[0] = 60.0
    with lines:
        lines(moved(0))
        now[0] = 69.0
        lines(moved(100))
    assert told == []
