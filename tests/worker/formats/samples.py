"""Files of each format, made by hand from the specifications that `formats` names."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
from uuid import UUID

import pytest

from buildstate_worker.formats import Format, find_format

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


VHDX = vhdx()
