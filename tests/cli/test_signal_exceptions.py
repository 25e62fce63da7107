"""Signals as exceptions: what asks this process to end, and what does not."""

import signal
from collections.abc import Iterator

import pytest

from buildstate_cli.signals import ENDING, POLITE, Signalled, name_of, signals_raised


@pytest.fixture(autouse=True)
def _handlers_are_put_back() -> Iterator[None]:
    before = [signal.getsignal(each) for each in ENDING]
    yield
    assert [signal.getsignal(each) for each in ENDING] == before


def send(number: signal.Signals) -> None:
    signal.raise_signal(number)  # to this thread, so that its handler has run when this returns


@pytest.mark.parametrize("number", ENDING)
def test_what_asks_for_the_end_is_raised_with_its_name(number: signal.Signals) -> None:
    with pytest.raises(Signalled, match=number.name) as ended, signals_raised(ENDING):
        send(number)
    assert ended.value.exit_code == 128 + number


def test_no_handler_for_an_exception_takes_it_for_its_own() -> None:
    assert not issubclass(Signalled, Exception)


def ended_twice(told: list[str]) -> None:
    """End as a signal asks for it, and be asked again meanwhile."""
    try:
        send(signal.SIGTERM)
    finally:
        send(signal.SIGHUP)
        told.append("undone")


def test_another_one_can_end_the_end() -> None:
    told: list[str] = []
    with pytest.raises(Signalled, match="SIGHUP"), signals_raised(ENDING):
        ended_twice(told)
    assert told == []


def test_only_the_first_one_counts_where_the_end_takes_its_time() -> None:
    told: list[str] = []
    with pytest.raises(Signalled, match="SIGTERM"), signals_raised(POLITE, only_first=True):
        ended_twice(told)
    assert told == ["undone"]


def test_what_the_caller_ignores_stays_ignored() -> None:
    """As after `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals_raised(ENDING):
            send(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_signal_without_a_name_is_told_by_its_number() -> None:
    assert (name_of(signal.SIGTERM), name_of(34 + 5)) == ("SIGTERM", "signal 39")
