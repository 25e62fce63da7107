"""What a file is, by its bytes."""

import io
import os
from pathlib import Path

import pytest

from buildstate_worker.formats import UNKNOWN, Format, find_format, format_of

from .samples import FILES, LINUX, MIB, found, iso, mbr, qcow2, tar, vhd_footer, vmdk


@pytest.mark.parametrize(("content", "expected"), FILES)
def test_a_format_is_found(content: bytes, expected: Format, tmp_path: Path) -> None:
    assert found(content) == expected
    # No name, and no wrong one, changes that.
    for name in ("image", "image.iso", "image.tar.gz"):
        (tmp_path / name).write_bytes(content)
        assert format_of(tmp_path / name) == expected


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"Q", id="one byte"),
        pytest.param(b"#!/bin/sh\necho qcow2\n", id="a script"),
        pytest.param(bytes(MIB), id="an empty disk"),
        pytest.param(qcow2(1), id="qcow of another version"),
        pytest.param(qcow2(4), id="qcow2 of the future"),
        pytest.param(qcow2(cluster_bits=63), id="qcow2 with clusters that cannot be"),
        pytest.param(qcow2()[:31], id="qcow2 that is cut off"),
        pytest.param(vmdk(version=9), id="vmdk of the future"),
        pytest.param(vmdk(ends=b"\n \n\n"), id="vmdk that was transferred as text"),
        pytest.param(vmdk()[:78], id="vmdk that is cut off"),
        pytest.param(bytes(512) + b"conectix" + bytes(504), id="a vhd's cookie without the rest"),
        pytest.param(vhd_footer(2, MIB)[:-1] + b"\1", id="a vhd's footer with a wrong checksum"),
        pytest.param(bytes(512) + vhd_footer(9, MIB), id="vhd of an unknown kind"),
        pytest.param(tar("a")[:500], id="tar that is cut off"),
        pytest.param(b"X" + tar("a")[1:], id="tar with a wrong checksum"),
        pytest.param(iso()[: 17 * 2048 - 1], id="iso that is cut off"),
        pytest.param(mbr(), id="boot signature without partitions"),
        pytest.param(mbr((0x80, 0x83, 0, 5)), id="a partition over its own table"),
        pytest.param(mbr((0x33, 0x83, 1, 5)), id="a partition of no known status"),
        pytest.param(mbr(LINUX, size=MIB + 1), id="half a sector too long for a disk"),
        pytest.param(b"\x1f\x8b\x08\xe0" + bytes(20), id="gzip with flags that are reserved"),
        pytest.param(b"BZh9 is a fine word", id="a text that begins like bzip2"),
    ],
)
def test_what_the_bytes_do_not_show_is_not_claimed(content: bytes) -> None:
    assert found(content) == UNKNOWN


def test_a_sparse_file_of_a_terabyte_takes_no_time(tmp_path: Path) -> None:
    with (tmp_path / "image.raw").open("wb") as file:
        file.write(mbr(LINUX))
        file.truncate(2**40)
    assert format_of(tmp_path / "image.raw") == Format("raw", virtual_size=2**40)


def test_only_a_little_of_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "image.raw"
    path.write_bytes(os.urandom(1) + bytes(4 * MIB))
    with path.open("rb", buffering=0) as file:
        counted = Counting(file)
        find_format(counted, size_bytes=path.stat().st_size)
    assert counted.bytes_read < 256 * 1024


class Counting:
    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.bytes_read = 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int, /) -> bytes:
        part = self._file.read(size)
        self.bytes_read += len(part)
        return part
