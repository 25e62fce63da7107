"""Waiting for something that nobody announces, and for a service that says when it is ready."""

from collections.abc import Iterator

from buildstate_cli.server.process import ready_facts
from buildstate_cli.waiting import comes_true


def test_a_condition_is_asked_again_until_it_holds() -> None:
    answers = iter([False, False, True])
    assert comes_true(lambda: next(answers), within_seconds=30, poll_seconds=0)


def test_a_condition_that_never_holds_is_given_up() -> None:
    assert not comes_true(lambda: False, within_seconds=0, poll_seconds=0)


def test_a_service_is_ready_as_soon_as_its_facts_are_whole() -> None:
    def stdout() -> Iterator[str]:
        yield from ("{\n", '  "url": "http://127.0.0.1:8642"\n', "}\n")
        raise AssertionError("it runs on, and prints no more")

    assert ready_facts(stdout()) == {"url": "http://127.0.0.1:8642"}


def test_a_service_that_ends_before_it_is_ready_has_no_facts() -> None:
    assert ready_facts(["{\n", '  "url":']) is None
    assert ready_facts([]) is None
