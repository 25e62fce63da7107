"""Bytes of any lengths, gathered into blocks of one size."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildstate_worker.transfer.blocks import Blocks

SIZE = 4


def gathered(*pieces: bytes) -> list[bytes]:
    taken: list[bytes] = []
    blocks = Blocks(SIZE, taken.append)
    for piece in pieces:
        blocks.write(piece)
    blocks.flush()
    return taken


@given(content=st.binary(max_size=40), cuts=st.lists(st.integers(0, 40), max_size=8))
def test_all_bytes_come_in_order_and_every_block_but_the_last_is_full(
    content: bytes, cuts: list[int]
) -> None:
    edges = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    taken = gathered(*(content[start:end] for start, end in pairwise(edges)))
    assert b"".join(taken) == content
    assert all(len(block) == SIZE for block in taken[:-1])
    assert all(0 < len(block) <= SIZE for block in taken[-1:])


def test_a_block_that_is_full_already_is_passed_on_as_it_is() -> None:
    hole = bytes(SIZE)
    assert gathered(hole)[0] is hole


def test_nothing_is_no_block() -> None:
    assert gathered() == gathered(b"") == []


def test_what_refuses_a_block_refuses_the_write() -> None:
    def refuse(_: bytes) -> None:
        raise OSError("full")

    blocks = Blocks(SIZE, refuse)
    blocks.write(b"abc")
    with pytest.raises(OSError, match="full"):
        blocks.write(b"d")
