"""What a function leaves in its process besides what it returns, which a skip would lose."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from buildstate_core.errors import InvalidInput
from buildstate_flows.engine.arguments import is_result
from buildstate_flows.engine.milestone_call import MilestoneSpec
from buildstate_worker.fingerprint.code import ProcessState

_changing: Final = threading.Lock()
_running: Final[set["_Run"]] = set()


class _Run:
    """A function that runs now."""

    def __init__(self) -> None:
        self.was_alone = True


@contextmanager
def refused(spec: MilestoneSpec) -> Iterator[None]:
    """Refuse what a function leaves in its process, at the end of the block in which it runs.

    The working directory and the environment are looked at only if no other milestone runs in this
    process meanwhile: nobody could tell whose change it was. A function whose code is not looked at
    is not looked at here, either.

    Raises:
        InvalidInput: It has left something. The message names it.
    """
    before = _state(spec)
    if before is None:
        yield
        return
    with _noted() as run:
        yield
    left = before.changes(is_alone=run.was_alone)
    if left:
        raise InvalidInput(
            f"{spec.name} has changed {', '.join(left)}. Where it is skipped, that does not happen,"
            " and a later milestone finds something else.",
            code="left-in-process",
            field=spec.name,
            hint="Return it as a value, and hand that on; or set it in the flow, before the first"
            " milestone.",
        )


def _state(spec: MilestoneSpec) -> ProcessState | None:
    if spec.version is not None or spec.code == "ignore":
        return None
    try:
        return ProcessState.take(spec.function, is_result=is_result)
    except InvalidInput:  # its code was looked at in the process that it came from
        return None


@contextmanager
def _noted() -> Iterator[_Run]:
    run = _Run()
    with _changing:
        for other in _running:
            other.was_alone = run.was_alone = False
        _running.add(run)
    try:
        yield run
    finally:
        with _changing:
            _running.discard(run)
