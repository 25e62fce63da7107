"""What a file is, by its bytes; and that no bytes whatever do harm.

The files are made by hand, from the specifications that `formats` names.
"""

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildstate_worker.artifacts import Artifacts
from buildstate_worker.blobs import Blob, Spot
from buildstate_worker.client import Client
from buildstate_worker.formats import UNKNOWN, Format, find_format, format_of
from buildstate_worker.transfer import ArtifactStore

MIB = 2**20
GIB = 2**30


def found(content: bytes) -> Format:
    return find_format(io.BytesIO(content), size_bytes=len(content))


def qcow2(version: int = 3, size: int = 10 * GIB, *, cluster_bits: int = 16) -> bytes:
    header = struct.pack(
        ">4sIQIIQIIQQIIQ", b"QFI\xfb", version, 0, 0, cluster_bits, size, 0, 1, 0, 0, 0, 0, 0
    )
    return header.ljust(65536, b"\0")


def vmdk(sectors: int = 20 * GIB // 512, *, version: int = 1, ends: bytes = b"\n \r\n") -> bytes:
    header = struct.pack(
        "<4sIIQQQQIQQQB", b"KDMV", version, 3, sectors, 128, 1, 20, 512, 21, 26, 0, 0
    )
    return (header + ends + struct.pack("<H", 0)).ljust(65536, b"\0")


DESCRIPTOR = b"""# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="twoGbMaxExtentFlat"

# Extent description
RW 4192256 FLAT "image-f001.vmdk" 0
RW 2048 FLAT "image-f002.vmdk" 0
"""


def vhd_footer(kind: int, size: int) -> bytes:
    footer = bytearray(512)
    struct.pack_into(">8sIIQI4sI4sQQIII", footer, 0, b"conectix", 2, 0x10000, 512, 0, b"win ", 0,
                     b"Wi2k", size, size, 0, kind, 0)  # fmt: skip
    struct.pack_into(">I", footer, 64, ~sum(footer) & 0xFFFFFFFF)
    return bytes(footer)


METADATA_AT = 2 * MIB


def vhdx(
    size: int = 40 * GIB,
    *,
    regions: int = 2,
    metadata_at: int = METADATA_AT,
    items: int = 2,
    item_at: int = 65536,
    item_bytes: int = 8,
) -> bytes:
    image = bytearray(3 * MIB)
    image[:8] = b"vhdxfile"
    bat, metadata = "2dc27766-f623-4200-9d64-115e9bfd4a08", "8b7ca206-4790-4b9a-b8fe-575f050f886e"
    table = struct.pack("<4sIII", b"regi", 0, regions, 0)
    table += UUID(bat).bytes_le + struct.pack("<QII", 3 * MIB, MIB, 1)
    table += UUID(metadata).bytes_le + struct.pack("<QII", metadata_at, MIB, 1)
    image[192 * 1024 : 192 * 1024 + len(table)] = table
    image[256 * 1024 : 256 * 1024 + len(table)] = table
    parameters, disk = (
        "caa16737-fa36-4d43-b3b6-33f0aa44e76b",
        "2fa54224-cd1b-4876-b211-5dbed83bf4b8",
    )
    entries = struct.pack("<8sHH20x", b"metadata", 0, items)
    entries += UUID(parameters).bytes_le + struct.pack("<IIII", 65544, 8, 4, 0)
    entries += UUID(disk).bytes_le + struct.pack("<IIII", item_at, item_bytes, 6, 0)
    image[METADATA_AT : METADATA_AT + len(entries)] = entries
    struct.pack_into("<Q", image, METADATA_AT + 65536, size)
    return bytes(image)


def tar(*names: str, form: int = tarfile.USTAR_FORMAT, mtime: float = 0) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form) as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size, member.mtime = 3, mtime
            archive.addfile(member, io.BytesIO(b"abc"))
    return packed.getvalue()


def iso(kind: int = 1, *, sectors: int = 20) -> bytes:
    image = bytearray(sectors * 2048)
    image[0x8000:0x8007] = struct.pack("<B5sB", kind, b"CD001", 1)
    return bytes(image)


def mbr(*partitions: tuple[int, int, int, int], size: int = MIB) -> bytes:
    """A disk with partitions of (status, kind, start, sectors)."""
    image = bytearray(size)
    for number, (status, kind, start, count) in enumerate(partitions):
        struct.pack_into("<B3xB3xII", image, 446 + 16 * number, status, kind, start, count)
    image[510:512] = b"\x55\xaa"
    return bytes(image)


def gpt(sector: int) -> bytes:
    image = bytearray(MIB)
    image[sector : sector + 8] = b"EFI PART"
    return bytes(image)


def with_partitions(image: bytes) -> bytes:
    """The image with a partition table in its first sector, as those that run from a stick."""
    return mbr((0x80, 0x17, 1, 80))[:512] + image[512:]


LINUX = (0x80, 0x83, 2048, 100_000)

FILES = [
    pytest.param(qcow2(2), Format("qcow2", virtual_size=10 * GIB), id="qcow2 v2"),
    pytest.param(qcow2(3), Format("qcow2", virtual_size=10 * GIB), id="qcow2 v3"),
    pytest.param(qcow2(size=0), Format("qcow2", virtual_size=0), id="qcow2 of an empty disk"),
    pytest.param(vmdk(), Format("vmdk", virtual_size=20 * GIB), id="vmdk, sparse"),
    pytest.param(vmdk(version=3), Format("vmdk", virtual_size=20 * GIB), id="vmdk, streamed"),
    pytest.param(
        DESCRIPTOR, Format("vmdk", virtual_size=4194304 * 512), id="vmdk, descriptor alone"
    ),
    pytest.param(b"# Disk DescriptorFile\nversion=1\n", Format("vmdk"), id="vmdk without extents"),
    pytest.param(
        bytes(4 * MIB) + vhd_footer(2, 4 * MIB),
        Format("vhd", virtual_size=4 * MIB),
        id="vhd, fixed",
    ),
    pytest.param(
        mbr(LINUX) + vhd_footer(2, MIB),
        Format("vhd", virtual_size=MIB),
        id="vhd, fixed, with partitions",
    ),
    pytest.param(
        vhd_footer(3, 40 * GIB) + bytes(MIB) + vhd_footer(3, 40 * GIB),
        Format("vhd", virtual_size=40 * GIB),
        id="vhd, dynamic",
    ),
    pytest.param(
        vhd_footer(3, 40 * GIB) + bytes(MIB),
        Format("vhd", virtual_size=40 * GIB),
        id="vhd, dynamic, its end cut off",
    ),
    pytest.param(
        vhd_footer(4, GIB) + bytes(MIB) + vhd_footer(4, GIB),
        Format("vhd", virtual_size=GIB),
        id="vhd, differencing",
    ),
    pytest.param(vhdx(), Format("vhdx", virtual_size=40 * GIB), id="vhdx"),
    pytest.param(tar("image.ovf", "image.vmdk"), Format("ova"), id="ova"),
    pytest.param(
        tar("image.ovf", form=tarfile.PAX_FORMAT, mtime=1.5), Format("ova"), id="ova, by pax"
    ),
    pytest.param(tar("image.vmdk", "image.ovf"), Format("tar"), id="tar with an ovf somewhere"),
    pytest.param(tar("a"), Format("tar"), id="tar, ustar"),
    pytest.param(tar("a", form=tarfile.GNU_FORMAT), Format("tar"), id="tar, gnu"),
    pytest.param(tar("a", form=tarfile.PAX_FORMAT, mtime=1.5), Format("tar"), id="tar, pax"),
    pytest.param(tar("n" * 300, form=tarfile.PAX_FORMAT), Format("tar"), id="tar, a long name"),
    pytest.param(iso(), Format("iso", virtual_size=20 * 2048), id="iso"),
    pytest.param(iso(0), Format("iso", virtual_size=20 * 2048), id="iso, boot record first"),
    pytest.param(
        with_partitions(iso()), Format("iso", virtual_size=20 * 2048), id="iso for a stick, too"
    ),
    pytest.param(mbr(LINUX), Format("raw", virtual_size=MIB), id="raw, mbr"),
    pytest.param(
        mbr((0, 0xEE, 1, 0xFFFFFFFF)), Format("raw", virtual_size=MIB), id="raw, protective mbr"
    ),
    pytest.param(gpt(512), Format("raw", virtual_size=MIB), id="raw, gpt"),
    pytest.param(gpt(4096), Format("raw", virtual_size=MIB), id="raw, gpt with 4 KiB sectors"),
    pytest.param(gzip.compress(b"x"), Format(compression="gzip"), id="gzip"),
    pytest.param(lzma.compress(b"x"), Format(compression="xz"), id="xz"),
    pytest.param(bz2.compress(b"x"), Format(compression="bzip2"), id="bzip2"),
    pytest.param(bz2.compress(b""), Format(compression="bzip2"), id="bzip2 of nothing"),
    pytest.param(
        bytes.fromhex("28b52ffd0458090000780dd08db8"), Format(compression="zstd"), id="zstd"
    ),
    pytest.param(gzip.compress(qcow2()), Format(compression="gzip"), id="compressed as a whole"),
]


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


VHDX = vhdx()


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


# --- what is recorded at a push ------------------------------------------------------------------


SPOT = Spot(build=1, state=10, lane="", attempt="0198")


@pytest.fixture
def artifacts(tmp_path: Path) -> Iterator[Artifacts]:
    with Client("http://127.0.0.1:9", None) as client:
        yield Artifacts(
            client, ArtifactStore(cache_dir=tmp_path / "cache"), storage_url=tmp_path.as_uri()
        )


@pytest.mark.parametrize(("content", "expected"), FILES)
def test_a_push_records_what_the_bytes_show(
    artifacts: Artifacts, tmp_path: Path, content: bytes, expected: Format
) -> None:
    (tmp_path / "image").write_bytes(content)
    record = artifacts.push(Blob(name="image", path=tmp_path / "image"), SPOT, None)
    assert (record.format, record.compression) == (expected.name, expected.compression)
    assert record.metadata.get("virtual_size") == expected.virtual_size


def test_a_push_records_nothing_that_it_does_not_know(artifacts: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "notes.qcow2").write_text("no image")
    record = artifacts.push(Blob(name="notes.qcow2", path=tmp_path / "notes.qcow2"), SPOT, None)
    assert (record.format, record.compression, record.metadata) == (None, None, {})


def test_what_the_caller_says_counts_more(artifacts: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(qcow2())
    blob = Blob(name="image", path=tmp_path / "image", metadata={"virtual_size": 7, "x": 1})
    record = artifacts.push(blob, SPOT, None)
    assert (record.format, record.metadata) == ("qcow2", {"virtual_size": 7, "x": 1})


def test_a_folder_is_a_tar_whatever_is_in_it(artifacts: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "image.ovf").write_text("<Envelope/>")
    record = artifacts.push(Blob(name="out", path=tmp_path / "out"), SPOT, None)
    assert (record.format, record.metadata) == ("tar", {"folder": True})
