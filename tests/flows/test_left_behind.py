"""What a milestone leaves in its process is refused: where it is skipped, nothing leaves that."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_flows import milestone, workdir

SETTINGS: dict[str, str] = {}


def image() -> Path:
    path = workdir() / "image.raw"
    path.write_text("image")
    return path


def set_variable() -> None:
    os.environ["LEFT_REGION"] = "eu"


def go_elsewhere() -> None:
    os.chdir("/")


def set_data() -> None:
    SETTINGS["mirror"] = "eu"


@pytest.fixture(autouse=True)
def _nothing_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEFT_REGION", raising=False)
    monkeypatch.setitem(SETTINGS, "mirror", "")


@pytest.mark.parametrize(
    ("leave", "says"),
    [
        pytest.param(set_variable, "the environment variable LEFT_REGION", id="the environment"),
        pytest.param(go_elsewhere, "the working directory", id="the working directory"),
        pytest.param(set_data, "SETTINGS in test_left_behind.py", id="data of a module"),
    ],
)
def test_what_a_skip_would_lose_is_refused_at_completion(
    worker_a: Any, leave: Any, says: str
) -> None:
    @milestone(state=10)
    def prepare() -> Path:
        leave()
        return image()

    with worker_a.build(), pytest.raises(InvalidInput, match=f"prepare has changed {says}") as no:
        prepare()
    assert no.value.code == "left-in-process"
    assert worker_a.story() == [(10, "failed", "never_completed")]


def test_what_was_there_before_may_be_read(worker_a: Any) -> None:
    SETTINGS["mirror"] = os.environ["LEFT_REGION"] = "us"

    @milestone(state=10)
    def prepare() -> Path:
        assert SETTINGS["mirror"] == os.environ["LEFT_REGION"] == "us"
        return image()

    with worker_a.build():
        prepare()
    assert worker_a.story() == [(10, "completed", "never_completed")]


def test_nobody_is_blamed_for_the_environment_while_several_run(worker_a: Any) -> None:
    """Nobody could tell whose change it was."""
    both_run, is_set = threading.Barrier(2), threading.Event()

    @milestone(state=10, lane="{region}")
    def prepare(region: str) -> Path:
        both_run.wait(30)
        if region == "eu":
            set_variable()
            is_set.set()
        assert is_set.wait(30)
        return image()

    with worker_a.build(), ThreadPoolExecutor() as pool:
        calls = [pool.submit(copy_context().run, prepare, each) for each in ("eu", "us")]
        assert [each.result(60) is None for each in calls] == [False, False]


def test_whoever_says_a_version_answers_for_it(worker_a: Any) -> None:
    @milestone(state=10, version="1")
    def prepare() -> Path:
        set_data()
        return image()

    with worker_a.build():
        prepare()
    assert worker_a.story() == [(10, "completed", "never_completed")]
