"""A pipeline whose milestones start families of processes, and who of them is left."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from buildstate_core.models import ClaimRequest
from buildstate_core.vocabulary import ClaimDecision
from support.service import Service

MEMBERS = ("parent", "child", "orphan")

FAMILY = """
( sh -c 'echo $$ > $FAMILY-orphan; exec sleep 600' & )
sh -c 'echo $$ > $FAMILY-child; exec sleep 600' &
echo $$ > $FAMILY-parent
wait
"""
"""A script that starts a child, and one that has lost its parent."""

PIPELINE = '''
"""Each milestone starts a family."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner

from buildstate_flows import build, milestone

FOLDER = Path(os.environ["TMPDIR"])


def family(name):
    return ["env", f"FAMILY={FOLDER / name}", "sh", "-c", THE_SCRIPT]


@milestone(state=20, lane="{name}")
def works(name: str) -> None:
    # It takes no failure for one, and no end of its command for its own.
    while True:
        subprocess.run(family(name), check=False)


@milestone(state=20, lane="{name}")
async def works_in_a_loop(name: str) -> None:
    process = await asyncio.create_subprocess_exec(*family(name))
    await process.wait()


def opened():
    return build("rhel-base", "9.6", platform="aws")


@flow
def direct() -> None:
    with opened():
        works("a")


@flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
def threads() -> None:
    with opened():
        for name in ("a", "b"):
            works.submit(name)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
def mixed() -> None:
    with opened():
        works.submit("b")
        works("a")


@flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
def processes() -> None:
    with opened():
        for name in ("a", "b"):
            works.submit(name)


@flow
async def coroutines() -> None:
    with opened():
        await asyncio.gather(works_in_a_loop("a"), works_in_a_loop("b"))


FLOWS = {each.fn.__name__: each for each in (direct, threads, mixed, processes, coroutines)}


if __name__ == "__main__":
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        if sys.argv[1] == "serve":
            from prefect import serve

            serve(*(each.to_deployment(name) for name, each in FLOWS.items()), limit=1)
        else:
            made = FLOWS[sys.argv[1]]()
            if asyncio.iscoroutine(made):
                asyncio.run(made)
'''.replace("THE_SCRIPT", repr(FAMILY))

LANES = {
    "direct": ("a",),
    "threads": ("a", "b"),
    "mixed": ("a", "b"),
    "processes": ("a", "b"),
    "coroutines": ("a", "b"),
}
"""How milestones are called, and the lanes that they work in."""


def has_family(folder: Path, lane: str) -> bool:
    """Whether all are there that a milestone starts."""
    return all((folder / f"{lane}-{member}").exists() for member in MEMBERS)


def left(folder: Path, lane: str) -> list[int]:
    """Give those that are there of all families that a lane's milestone has started."""
    mark = f"FAMILY={folder / lane}".encode()
    found = []
    for each in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            # Of one that is dead but not yet waited for, nothing is left to read.
            if mark in each.read_bytes().split(b"\0"):
                found.append(int(each.parent.name))
    return found


def kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def is_free(service: Service, build: int, lane: str, *, state: int = 20, **fields: Any) -> bool:
    """Whether a second worker may begin; it has begun then."""
    request = ClaimRequest(state=state, lane=lane, worker="next", **fields)
    answer = service.client.claim(build, request)
    assert answer.decision in {ClaimDecision.RUN, ClaimDecision.HELD}, answer
    return answer.decision is ClaimDecision.RUN
