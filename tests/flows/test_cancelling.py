"""What milestones have started ends before anybody else may begin, however their flow ends."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL
from support import until
from support.cancelling import FAMILY, LANES, PIPELINE, has_family, is_free, kill, left
from support.prefect import PrefectServer

from buildstate_core.vocabulary import Kind

pytestmark = [
    pytest.mark.usefixtures("prefect"),
    # Prefect's own client leaves connections to be closed by the garbage collector.
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket"),
]


@pytest.fixture
def worker(make_worker: Callable[..., Any]) -> Any:
    return make_worker("worker-a", BLDST_LEASE_SECONDS="6")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    script = tmp_path / "pipeline.py"
    script.write_text(PIPELINE)
    return script


@pytest.fixture(autouse=True)
def _nothing_stays(worker: Any) -> Iterator[None]:
    yield
    for lane in ("a", "b"):
        kill(left(worker.folder, lane))


def await_families(worker: Any, how: str) -> None:
    for lane in LANES[how]:
        until(lambda lane=lane: has_family(worker.folder, lane), seconds=120)


def assert_nobody_begins_beside_them(worker: Any, how: str) -> None:
    number = next(iter(worker.service.client.list_builds())).number
    for lane in LANES[how]:
        until(lambda lane=lane: is_free(worker.service, number, lane), seconds=60)
        assert left(worker.folder, lane) == []


@pytest.mark.parametrize("how", LANES)
def test_a_terminated_flow_ends_what_its_milestones_have_started(
    worker: Any, script: Path, how: str
) -> None:
    with worker.process(script, how) as process:
        await_families(worker, how)
        process.send_signal(signal.SIGTERM)
        assert_nobody_begins_beside_them(worker, how)
        process.wait(60)
    ended = [each for each in worker.history() if each.worker == "worker-a"]
    assert {each.status for each in ended} == {"cancelled"}


@pytest.mark.parametrize("how", LANES)
def test_a_killed_flow_leaves_nothing_that_its_milestones_have_started(
    worker: Any, script: Path, how: str
) -> None:
    with worker.process(script, how) as process:
        await_families(worker, how)
        process.kill()
        assert_nobody_begins_beside_them(worker, how)


@pytest.mark.parametrize("how", LANES)
def test_a_flow_run_that_a_person_cancels_in_prefect_ends_them(
    worker: Any, script: Path, how: str
) -> None:
    prefect = PrefectServer(str(PREFECT_API_URL.value()))
    with worker.process(script, "serve") as serving:
        which = f"/deployments/name/{how}/{how}"
        deployment = until(lambda: found(prefect, which), seconds=60)
        run = prefect.start(deployment, None)
        await_families(worker, how)
        prefect.set_state(run, "CANCELLING")
        assert_nobody_begins_beside_them(worker, how)
        until(lambda: prefect.run(run)["state"]["type"] == "CANCELLED", seconds=60)
        serving.send_signal(signal.SIGTERM)
    ended = [each for each in worker.history() if each.worker == "worker-a"]
    assert {each.status for each in ended} == {"cancelled"}


EFFECT = """
import subprocess
from pathlib import Path
from buildstate_flows import build, milestone


@milestone(state=60, kind="effect")
def publish() -> None:
    family = f"FAMILY={Path.cwd()}/a"
    subprocess.run(["env", family, "sh", "-c", THE_SCRIPT], check=False)


with build("rhel-base", "9.6", platform="aws"):
    publish()
""".replace("THE_SCRIPT", repr(FAMILY))


def test_what_an_effect_has_started_ends_when_its_process_is_frozen(
    worker: Any, tmp_path: Path
) -> None:
    script = tmp_path / "effect.py"
    script.write_text(EFFECT)
    with worker.process(script) as process:
        until(lambda: has_family(worker.folder, "a"), seconds=60)
        process.send_signal(signal.SIGSTOP)
        number = next(iter(worker.service.client.list_builds())).number
        until(lambda: is_free(worker.service, number, "", state=60, kind=Kind.EFFECT), seconds=60)
        assert left(worker.folder, "a") == []
        process.send_signal(signal.SIGCONT)
        assert process.wait(60) != 0
    assert [each.status for each in worker.history()] == ["lost", "in_progress"]


def found(prefect: PrefectServer, path: str) -> str:
    try:
        return str(prefect.ask("GET", path)["id"])
    except AssertionError:  # it is not there yet
        return ""
