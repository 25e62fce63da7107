"""An attempt as a block: whatever leaves it is recorded."""

import threading
from typing import Any

import pytest
from support import Service, until

from buildstate_core.errors import StaleClaim, Unreachable
from buildstate_core.models import Build

from .workers import Worker, complete, told


class TestBlock:
    def test_an_error_fails_the_attempt_and_goes_on(
        self, worker: Worker, shared: Service, build: Build
    ) -> None:
        with pytest.raises(ZeroDivisionError), worker.claimed(25):
            _ = 1 / 0
        assert told(shared, build) == [("failed", "ZeroDivisionError: division by zero")]

    def test_a_person_s_ctrl_c_is_no_failure(
        self, worker: Worker, shared: Service, build: Build
    ) -> None:
        with pytest.raises(KeyboardInterrupt), worker.claimed(25):
            raise KeyboardInterrupt
        assert told(shared, build) == [("cancelled", "KeyboardInterrupt")]

    def test_an_end_without_a_word_is_a_failure(
        self, worker: Worker, shared: Service, build: Build
    ) -> None:
        with worker.claimed(25):
            pass
        assert told(shared, build) == [("failed", "it ended without a word")]

    @pytest.mark.parametrize(
        ("say", "recorded"),
        [
            (lambda begun: begun.fail("a good reason"), ("failed", "a good reason")),
            (complete, ("completed", None)),
        ],
        ids=["failed", "completed"],
    )
    def test_what_was_said_counts(
        self, say: Any, recorded: Any, worker: Worker, shared: Service, build: Build
    ) -> None:
        begun = worker.claimed(25)
        with pytest.raises(KeyError), begun:
            raise KeyError(str(say(begun)))
        assert told(shared, build) == [recorded]

    def test_no_heart_beats_on(self, worker: Worker) -> None:
        for _ in range(3):
            with worker.claimed(25):
                pass
        with worker.claimed(25) as begun:
            complete(begun)
        assert not [each for each in threading.enumerate() if "heartbeat" in each.name]

    @pytest.mark.parametrize(
        "message", ["x" * 1_000_000, "a\x00b", "half \ud800 pair", "", "ünï\n\tcode \U0001f600"]
    )
    def test_any_message_can_be_recorded(
        self, message: str, worker: Worker, shared: Service, build: Build
    ) -> None:
        with pytest.raises(RuntimeError), worker.claimed(25):
            raise RuntimeError(message)
        [(status, recorded)] = told(shared, build)
        assert status == "failed"
        assert recorded is not None
        assert recorded.startswith("RuntimeError")
        assert len(recorded) <= 10_000

    def test_the_first_error_wins_when_the_service_is_away(
        self, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: Any) -> Any:
            raise Unreachable("no answer")

        monkeypatch.setattr(worker.client, "fail", away)
        with pytest.raises(ZeroDivisionError), worker.claimed(25):
            _ = 1 / 0

    def test_a_claim_that_is_lost_is_told_once(self, worker: Worker, shared: Service) -> None:
        stale: list[StaleClaim] = []
        with worker.claimed(25, lease_seconds=1) as begun:
            begun.when_stale(stale.append)
            shared.expire(begun.attempt.id)
            until(lambda: begun.stale)
        assert stale == [begun.stale]
