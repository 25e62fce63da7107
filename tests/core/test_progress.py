"""How far a transfer is: told now and then, with the time that the rest will take."""

from types import SimpleNamespace

import pytest

from buildstate_core.models import Transfer
from buildstate_core.progress import Moving
from buildstate_core.vocabulary import Activity


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1000.0)
    time = SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr("buildstate_core.progress.time", time)
    return clock


def moving(told: list[Transfer], total_bytes: int | None = 100) -> Moving:
    return Moving(Activity.UPLOADING, "image.raw", total_bytes=total_bytes, tell=told.append)


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
