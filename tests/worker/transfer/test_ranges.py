"""Ranges are fetched in any order, and arrive in theirs."""

import threading
from typing import Any

import pytest

from buildstate_core.errors import ArtifactLost
from buildstate_worker.storage.failures import gone
from buildstate_worker.transfer.ranges import put_ranges, read_ranges

RANGE_BYTES = 1000
OBJECT = b"".join(bytes([number]) * RANGE_BYTES for number in range(7)) + b"the end"


class Backwards:
    """A storage in which the first range is there only once the third has been asked for."""

    parallel = 3
    range_bytes = RANGE_BYTES

    def __init__(self, *, lost_from: int = len(OBJECT)) -> None:
        self._third_was_asked_for = threading.Event()
        self._lost_from = lost_from

    def read(self, uri: str, start: int, size: int, *, root: str | None = None) -> bytes:
        assert root is None
        if start == 2 * RANGE_BYTES:
            self._third_was_asked_for.set()
        if start == 0:
            assert self._third_was_asked_for.wait(60)
        if start >= self._lost_from:
            raise gone(uri)
        return OBJECT[start : start + size]


def test_what_is_fetched_out_of_order_is_given_in_order() -> None:
    storage: Any = Backwards()
    given = read_ranges(storage, "s3://a/b", start=0, size_bytes=len(OBJECT))
    assert b"".join(given) == OBJECT


def test_what_is_fetched_out_of_order_is_put_in_order_wherever_it_goes() -> None:
    storage: Any = Backwards()
    one: list[bytes] = []
    other: list[bytes] = []
    counts = list(
        put_ranges(storage, "s3://a/b", one.append, other.append, start=0, size_bytes=len(OBJECT))
    )
    assert b"".join(one) == b"".join(other) == OBJECT
    assert counts == [len(block) for block in one]


def test_only_the_rest_is_put_of_what_is_here_in_part() -> None:
    storage: Any = Backwards()
    put: list[bytes] = []
    start = 2 * RANGE_BYTES + 5
    counts = list(put_ranges(storage, "s3://a/b", put.append, start=start, size_bytes=len(OBJECT)))
    assert b"".join(put) == OBJECT[start:]
    assert sum(counts) == len(OBJECT) - start


def test_nothing_is_put_behind_what_could_not_be_fetched() -> None:
    storage: Any = Backwards(lost_from=4 * RANGE_BYTES)
    put: list[bytes] = []
    counts = put_ranges(storage, "s3://a/b", put.append, start=0, size_bytes=len(OBJECT))
    with pytest.raises(ArtifactLost):
        list(counts)
    assert b"".join(put) == OBJECT[: 4 * RANGE_BYTES]


def test_nothing_is_put_behind_what_could_not_be_put() -> None:
    storage: Any = Backwards()
    put: list[bytes] = []

    def put_two(block: bytes) -> None:
        if len(put) == 2:
            raise ZeroDivisionError
        put.append(block)

    counts = put_ranges(storage, "s3://a/b", put_two, start=0, size_bytes=len(OBJECT))
    with pytest.raises(ZeroDivisionError):
        list(counts)
    assert b"".join(put) == OBJECT[: 2 * RANGE_BYTES]


def test_who_wants_no_more_need_not_wait() -> None:
    storage: Any = Backwards()
    put: list[bytes] = []
    counts = put_ranges(storage, "s3://a/b", put.append, start=0, size_bytes=len(OBJECT))
    assert next(counts) == RANGE_BYTES
    counts.close()
    assert b"".join(put) == OBJECT[: sum(map(len, put))]
