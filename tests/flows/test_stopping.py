"""What runs is stopped when its claim is gone, and says so when a person stops it."""

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest
from support import until

from buildstate_core.errors import StaleClaim
from buildstate_core.models import Cancel, ProjectCreate
from buildstate_flows import build, milestone
from buildstate_flows.engine.cancellation import Stopper
from buildstate_worker.client import Client

TOO_LONG = 120


@pytest.fixture
def worker(make_worker: Callable[..., Any]) -> Any:
    """A worker that beats every two seconds."""
    return make_worker("worker-a", BLDST_LEASE_SECONDS="6")


@pytest.fixture
def cancel_soon(worker: Any) -> Callable[[int], None]:
    """Have a person cancel the build once its milestone runs."""

    def cancel_soon(number: int) -> None:
        def cancel() -> None:
            until(worker.history)
            worker.service.client.cancel_build(number, Cancel(reason="the wrong release"))

        threading.Thread(target=cancel).start()

    return cancel_soon


def in_main_thread(task: Any) -> Any:
    return task()


def in_another_thread(task: Any) -> Any:
    with ThreadPoolExecutor() as pool:
        return pool.submit(copy_context().run, task).result()


def in_a_loop(task: Any) -> Any:
    return asyncio.run(task())


def sleeps() -> None:
    time.sleep(TOO_LONG)


def works() -> None:
    end = time.monotonic() + TOO_LONG
    while time.monotonic() < end:
        time.sleep(0.01)


async def waits() -> None:
    await asyncio.sleep(TOO_LONG)


@pytest.mark.parametrize(
    ("run", "function"),
    [
        pytest.param(in_main_thread, sleeps, id="asleep in the main thread"),
        pytest.param(in_another_thread, works, id="busy in another thread"),
        pytest.param(in_a_loop, waits, id="async"),
    ],
)
def test_a_build_that_is_cancelled_stops_what_runs_and_records_nothing(
    worker: Any, cancel_soon: Any, run: Any, function: Any
) -> None:
    began = time.monotonic()
    task = milestone(state=20)(function)
    with worker.build() as this:
        cancel_soon(this.number)
        with pytest.raises(StaleClaim, match="cancelled"):
            run(task)
    assert time.monotonic() - began < TOO_LONG / 2
    assert worker.story() == [(20, "cancelled", "never_completed")]


def test_an_effect_stops_itself_before_another_worker_could_begin_it(
    service_process: Any, make_worker: Any
) -> None:
    reach = {"BLDST_API_URL": service_process.url, "BLDST_API_KEY": service_process.key}
    worker = make_worker("worker-c", BLDST_LEASE_SECONDS="3", **reach)
    with Client(service_process.url, service_process.key) as client:
        client.create_project(ProjectCreate(name="rhel-base"))

    @milestone(state=60, kind="effect")
    def publish() -> None:
        service_process.signal(signal.SIGSTOP)
        try:
            sleeps()
        finally:
            service_process.signal(signal.SIGCONT)

    with worker.build() as this:
        with pytest.raises(StaleClaim, match="could not be reached to renew the lease"):
            publish()
        (attempt,) = this._session.client.history(this.number)
    assert attempt.status in {"failed", "lost"}


STOPPED_AND_TRACED = """
import sys, threading
from buildstate_core.errors import Conflict
from buildstate_flows.engine.cancellation import Stopper
def run():
    stopper = Stopper()
    try:
        with stopper.guard():
            stopper.stop(Conflict("the wrong release", code="cancelled"))
            while True:
                pass
    except Conflict as error:
        print(error.code)
thread = threading.Thread(target=run)
thread.start()
thread.join()
def called():
    print("traced")
sys.settrace(lambda *_: None)
called()
"""


def test_a_stop_leaves_nothing_behind_that_a_debugger_would_hang_on() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STOPPED_AND_TRACED], check=True, stdout=subprocess.PIPE, timeout=60
    )
    assert done.stdout == b"cancelled\ntraced\n"


def test_what_has_ended_is_not_stopped_any_more() -> None:
    stopper = Stopper()
    with stopper.guard():
        done = True
    stopper.stop(StaleClaim("too late"))
    assert done
    with pytest.raises(StaleClaim, match="too late"), stopper.guard():
        works()


PIPELINE = """
import sys
import time
from pathlib import Path

from prefect import flow
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

from buildstate_flows import build, milestone

RUNNERS = {"threads": ThreadPoolTaskRunner, "processes": ProcessPoolTaskRunner}


@milestone(state=25, lane="eu")
def slow() -> None:
    Path("slow").touch()
    end = time.monotonic() + 600
    while time.monotonic() < end:
        time.sleep(0.01)


@milestone(state=20, lane="us")
def direct() -> None:
    Path("direct").touch()
    time.sleep(600)


def run() -> None:
    with build("rhel-base", "9.6", platform="aws"):
        slow.submit()
        direct()


if __name__ == "__main__":
    flow(run, task_runner=RUNNERS[sys.argv[1]](max_workers=1))()
"""


@pytest.mark.usefixtures("prefect")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket")
@pytest.mark.parametrize("runner", ["threads", "processes"])
def test_a_flow_run_that_prefect_terminates_gives_up_all_its_milestones(
    worker_a: Any, tmp_path: Path, runner: str
) -> None:
    script = tmp_path / "pipeline.py"
    script.write_text(PIPELINE)
    with worker_a.process(script, runner) as process:
        for name in ("direct", "slow"):
            until((worker_a.folder / name).exists, seconds=120)
        # As Prefect's runner does when a person cancels the flow run in the UI.
        process.send_signal(signal.SIGTERM)
        until(lambda: {each.status for each in worker_a.history()} == {"cancelled"}, seconds=20)
        process.wait(60)
    assert {(each.state, each.message) for each in worker_a.history()} == {
        (20, "the flow run was terminated by signal 15"),
        (25, "the flow run was terminated by signal 15"),
    }
    with build("rhel-base", "9.6", platform="aws", settings=worker_a.settings):
        assert milestone(state=20, lane="us")(lambda: "at once")() == "at once"
