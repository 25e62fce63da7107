"""The command that `bldst run` starts: signals and ends, without a service."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support import until

from buildstate_cli.run import child


class TestChild:
    """Signals and ends, without a service."""

    @pytest.fixture
    def make_child(self, tmp_path: Path) -> Callable[..., child.Child]:
        def make(script: str) -> child.Child:
            return child.Child(
                ["sh", "-c", script],
                folder=tmp_path,
                environ=dict(os.environ),
                stdout_to_stderr=False,
            )

        return make

    def test_one_that_was_stopped_before_it_began_is_ended_at_once(
        self, make_child: Callable[..., child.Child]
    ) -> None:
        late = make_child("exec sleep 600")
        late.stop()
        ended = late.run()
        assert ended == child.Ended(143, "the command was ended by SIGTERM")

    def test_stopping_one_that_has_ended_does_nothing(
        self, make_child: Callable[..., child.Child]
    ) -> None:
        done = make_child("exit 3")
        assert done.run() == child.Ended(3, "the command ended with exit code 3")
        done.stop()

    def test_handlers_are_put_back(self, make_child: Callable[..., child.Child]) -> None:
        before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
        make_child("true").run()
        assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == before

    def test_two_signals_are_both_passed_on(
        self,
        make_child: Callable[..., child.Child],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(child, "GRACE_SECONDS", 0.2)
        counting = "trap 'echo x >> got' TERM; touch here; while :; do sleep 0.05; done"
        patient = make_child(counting)
        lines = (tmp_path / "got").exists

        def twice() -> None:
            until((tmp_path / "here").exists)
            os.kill(os.getpid(), signal.SIGTERM)
            until(lines)
            os.kill(os.getpid(), signal.SIGTERM)
            until(lambda: len((tmp_path / "got").read_text().split()) == 2)
            patient.stop()

        thread = threading.Thread(target=twice)
        thread.start()
        ended = patient.run()
        thread.join()
        assert ended == child.Ended(
            143, "ended by SIGTERM, which was passed on to the command", is_cancelled=True
        )
