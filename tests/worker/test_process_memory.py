"""What a process remembers of its machines: never more than is so."""

from uuid import UUID, uuid4

import pytest

from buildstate_worker.workspace.process_memory import ProcessMemory


@pytest.fixture
def memory() -> ProcessMemory:
    return ProcessMemory()


@pytest.fixture
def trunk(memory: ProcessMemory) -> UUID:
    """An attempt whose result the trunk's machine holds."""
    attempt = uuid4()
    memory.hold("", attempt)
    return attempt


def test_a_new_one_holds_nothing(memory: ProcessMemory) -> None:
    assert memory.held("") == ()


def test_a_machine_holds_all_that_was_done_to_it(memory: ProcessMemory, trunk: UUID) -> None:
    second = uuid4()
    memory.hold("", second)
    assert memory.held("") == (trunk, second)


def test_a_lane_begins_where_the_trunk_is_and_goes_its_own_way(
    memory: ProcessMemory, trunk: UUID
) -> None:
    lane, later = uuid4(), uuid4()
    memory.hold("eu", lane)
    memory.hold("", later)
    assert memory.held("eu") == (trunk, lane)
    assert memory.held("us") == (trunk, later)


def test_a_machine_that_is_restored_holds_nothing(memory: ProcessMemory, trunk: UUID) -> None:
    memory.restore("eu")
    assert (memory.held("eu"), memory.held("")) == ((), (trunk,))


def test_a_lane_that_failed_begins_anew_from_the_trunk(memory: ProcessMemory, trunk: UUID) -> None:
    memory.hold("eu", uuid4())
    memory.lose("eu")
    memory.lose("us")  # which has done nothing yet
    assert (memory.held("eu"), memory.held("us")) == ((trunk,), (trunk,))


@pytest.mark.usefixtures("trunk")
def test_a_trunk_that_failed_holds_nothing(memory: ProcessMemory) -> None:
    memory.lose("")
    assert (memory.held(""), memory.held("eu")) == ((), ())


def test_no_more_is_named_than_a_claim_may_name(memory: ProcessMemory) -> None:
    attempts = [uuid4() for _ in range(1001)]
    for each in attempts:
        memory.hold("", each)
    assert memory.held("") == tuple(attempts[1:])
