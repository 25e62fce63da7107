"""No bytes whatever do harm, nor a disk that breaks."""

import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildstate_worker.formats import UNKNOWN, Format, find_format, format_of

from .samples import (
    DESCRIPTOR,
    FILES,
    GIB,
    METADATA_AT,
    MIB,
    VHDX,
    found,
    qcow2,
    vhd_footer,
    vhdx,
    vmdk,
)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(qcow2(size=2**64 - 1), "qcow2", id="qcow2"),
        pytest.param(vmdk(2**64 - 1), "vmdk", id="vmdk"),
        pytest.param(DESCRIPTOR + b'RW 999999999999999999 FLAT "x"\n', "vmdk", id="descriptor"),
        pytest.param(DESCRIPTOR + b"#" * 65536, "vmdk", id="a descriptor without an end"),
        pytest.param(bytes(MIB) + vhd_footer(2, 2 * MIB), "vhd", id="vhd, fixed"),
        pytest.param(vhd_footer(3, 2**64 - 1) + bytes(MIB), "vhd", id="vhd, dynamic"),
        pytest.param(vhdx(2**64 - 512), "vhdx", id="vhdx"),
        pytest.param(vhdx(GIB + 1), "vhdx", id="vhdx, no whole sector"),
        pytest.param(vhdx(metadata_at=2**64 - 1), "vhdx", id="vhdx, metadata beyond the end"),
        pytest.param(vhdx(metadata_at=METADATA_AT + 1), "vhdx", id="vhdx, metadata elsewhere"),
        pytest.param(vhdx(item_at=2**32 - 1), "vhdx", id="vhdx, item beyond its region"),
        pytest.param(vhdx(item_at=0), "vhdx", id="vhdx, item in its table"),
        pytest.param(vhdx(item_bytes=2**32 - 1), "vhdx", id="vhdx, an item of gigabytes"),
        pytest.param(vhdx(regions=0), "vhdx", id="vhdx, no regions"),
        pytest.param(vhdx(items=0), "vhdx", id="vhdx, no items"),
        pytest.param(vhdx()[:MIB], "vhdx", id="vhdx that is cut off"),
        pytest.param(b"vhdxfile", "vhdx", id="vhdx, its first word alone"),
    ],
)
def test_a_size_that_cannot_be_is_not_told(content: bytes, name: str) -> None:
    assert found(content) == Format(name)


@pytest.mark.parametrize("count", [2047, 2**16 - 1, 2**32 - 1])
def test_counts_of_a_header_cost_nothing(count: int) -> None:
    content = vhdx(regions=count, items=min(count, 2**16 - 1))
    tracemalloc.start()
    try:
        assert found(content).name == "vhdx"
        assert tracemalloc.get_traced_memory()[1] < 2 * MIB
    finally:
        tracemalloc.stop()


BEGINNINGS = [param.values[0][:600] for param in FILES]  # type: ignore[index]


@given(content=st.binary(max_size=2000))
def test_no_bytes_raise(content: bytes) -> None:
    assert isinstance(found(content), Format)


@given(
    beginning=st.sampled_from(BEGINNINGS),
    changes=st.lists(
        st.tuples(st.integers(0, 599), st.binary(min_size=1, max_size=16)), max_size=6
    ),
    rest=st.binary(max_size=600),
    claimed=st.integers(0, 2**70),
)
def test_no_damaged_header_raises_whatever_size_is_claimed(
    beginning: bytes, changes: list[tuple[int, bytes]], rest: bytes, claimed: int
) -> None:
    content = bytearray(beginning + rest)
    for at, new in changes:
        content[at : at + len(new)] = new
    for size_bytes in (len(content), claimed):
        result = find_format(io.BytesIO(content), size_bytes=size_bytes)
        if size_bytes < 2**63:
            assert result.virtual_size is None or 0 <= result.virtual_size < 2**63


@given(
    at=st.sampled_from([192 * 1024, 256 * 1024, METADATA_AT, METADATA_AT + 65536]),
    within=st.integers(0, 100),
    new=st.binary(min_size=1, max_size=40),
)
def test_no_damaged_table_of_a_vhdx_raises(at: int, within: int, new: bytes) -> None:
    content = bytearray(VHDX)
    content[at + within : at + within + len(new)] = new
    result = found(bytes(content))
    assert result.name == "vhdx"
    assert result.virtual_size is None or result.virtual_size <= 64 * 2**40


class Failing:
    """A file on a disk that breaks after a number of reads."""

    def __init__(self, content: bytes, reads: int) -> None:
        self._file = io.BytesIO(content)
        self._reads = reads

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int, /) -> bytes:
        self._reads -= 1
        if self._reads < 0:
            raise OSError
        # As a slow device may: less than was asked for.
        return self._file.read(min(size, 700))


@pytest.mark.parametrize("reads", range(0, 1000, 50))
def test_a_file_that_cannot_be_read_to_its_end_is_unknown(reads: int) -> None:
    assert find_format(Failing(VHDX, reads), size_bytes=len(VHDX)).name in {None, "vhdx"}
    assert find_format(Failing(VHDX, 10_000), size_bytes=len(VHDX)).virtual_size == 40 * GIB


def test_a_file_that_cannot_be_opened_is_unknown(tmp_path: Path) -> None:
    assert format_of(tmp_path / "missing") == UNKNOWN
    assert format_of(tmp_path) == UNKNOWN
