"""What a process remembers of its machines: never more than is so."""

import pytest

from buildstate_worker.workspace.process_memory import ProcessMemory

from .steps import a_step


@pytest.fixture
def memory() -> ProcessMemory:
    return ProcessMemory()


@pytest.fixture
def trunk(memory: ProcessMemory) -> str:
    """A step that the trunk's machine holds."""
    step = a_step()
    memory.hold("", step)
    return step


def test_a_new_one_holds_nothing(memory: ProcessMemory) -> None:
    assert memory.held("") == ()


def test_a_machine_holds_all_that_was_done_to_it(memory: ProcessMemory, trunk: str) -> None:
    second = a_step()
    memory.hold("", second)
    assert memory.held("") == (trunk, second)


def test_a_lane_begins_where_the_trunk_is_and_goes_its_own_way(
    memory: ProcessMemory, trunk: str
) -> None:
    lane, later = a_step(), a_step()
    memory.hold("eu", lane)
    memory.hold("", later)
    assert memory.held("eu") == (trunk, lane)
    assert memory.held("us") == (trunk, later)


def test_a_machine_that_is_restored_holds_nothing(memory: ProcessMemory, trunk: str) -> None:
    memory.restore("eu")
    assert (memory.held("eu"), memory.held("")) == ((), (trunk,))


def test_a_lane_that_failed_begins_anew_from_the_trunk(memory: ProcessMemory, trunk: str) -> None:
    memory.hold("eu", a_step())
    memory.lose("eu")
    memory.lose("us")  # which has done nothing yet
    assert (memory.held("eu"), memory.held("us")) == ((trunk,), (trunk,))


@pytest.mark.usefixtures("trunk")
def test_a_trunk_that_failed_holds_nothing(memory: ProcessMemory) -> None:
    memory.lose("")
    assert (memory.held(""), memory.held("eu")) == ((), ())


def test_no_more_is_named_than_a_claim_may_name(memory: ProcessMemory) -> None:
    attempts = [a_step() for _ in range(1001)]
    for each in attempts:
        memory.hold("", each)
    assert memory.held("") == tuple(attempts[1:])
