"""What a file is, and how large the disk in it, as its own bytes say.

A name or an extension is never believed, and neither is a header: nothing is allocated or read by
a number that a file gives, and a size that cannot be is not told. What the bytes do not show is
`None`: a bare file system, an empty disk, text. Of a compressed file, only the compression is
told; what is inside would be a guess.

Where the facts come from:

- qcow2: QEMU, "Qcow2 image format", section "Header" (docs/interop/qcow2)
- vmdk: VMware, "Virtual Disk Format 5.0" (sparse extent header, text descriptor)
- vhd: Microsoft, "Virtual Hard Disk Image Format Specification" 1.0 (hard disk footer)
- vhdx: Microsoft, MS-VHDX, sections 2.2.3 (region table), 2.6 (metadata region)
- ova: DMTF DSP0243, "Open Virtualization Format", section "Distribution" (the descriptor is first)
- tar: POSIX.1-2017, pax, "ustar Interchange Format"
- iso: ECMA-119, section 8 (volume descriptors from sector 16 on)
- raw: UEFI specification, chapter 5 (GPT header, legacy MBR)
- gzip RFC 1952, zstd RFC 8878, xz "The .xz File Format" 2.1.1, bzip2's block magic
"""

import re
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

_SECTOR: Final = 512
_ISO_SECTOR: Final = 2048
_GPT_SECTORS: Final = (512, 4096)
_MAX_DISK_BYTES: Final = 2**63 - 1

_QCOW2_VERSIONS: Final = (2, 3)
_QCOW2_CLUSTER_BITS: Final = range(9, 22)

_VMDK_VERSIONS: Final = (1, 2, 3)
_VMDK_LINE_ENDS: Final = b"\n \r\n"
_VMDK_DESCRIPTOR_BYTES: Final = 64 * 1024
_VMDK_DESCRIPTOR: Final = b"# Disk DescriptorFile"
_VMDK_EXTENT: Final = re.compile(rb"^(?:RW|RDONLY|NOACCESS) ([0-9]{1,18}) [A-Z]+", re.MULTILINE)

_VHD_FIXED: Final = 2
_VHD_DYNAMIC: Final = 3
_VHD_DIFFERENCING: Final = 4

_VHDX_REGION_TABLES: Final = (192 * 1024, 256 * 1024)
_VHDX_TABLE_BYTES: Final = 64 * 1024
_VHDX_MAX_ENTRIES: Final = 2047
_VHDX_MAX_DISK_BYTES: Final = 64 * 2**40
_VHDX_METADATA: Final = UUID("8b7ca206-4790-4b9a-b8fe-575f050f886e").bytes_le
_VHDX_DISK_SIZE: Final = UUID("2fa54224-cd1b-4876-b211-5dbed83bf4b8").bytes_le

_TAR_KIND: Final = 156
"""Where a header says what its member is: a file, a link, an extended header."""

_COMPRESSIONS: Final = {
    "gzip": re.compile(rb"\x1f\x8b\x08[\x00-\x1f]"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
    "xz": re.compile(rb"\xfd7zXZ\x00"),
    # The first block, or at once the end of a stream without any.
    "bzip2": re.compile(rb"BZh[1-9](?:\x31\x41\x59\x26\x53\x59|\x17\x72\x45\x38\x50\x90)"),
}


class Reader(Protocol):
    """What is asked of an open file."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a position."""

    def read(self, size: int, /) -> bytes | None:
        """Return up to `size` of the next bytes."""


@dataclass(frozen=True)
class Format:
    """What was found.

    Attributes:
        name: `qcow2`, `vmdk`, `vhd`, `vhdx`, `ova`, `tar`, `iso` or `raw`; `None` if unknown.
        compression: `gzip`, `zstd`, `xz` or `bzip2`; `None` for a file that is not compressed as
            a whole.
        virtual_size: Of the disk, in bytes, as a virtual machine would see it; `None` if the
            bytes do not say.
    """

    name: str | None = None
    compression: str | None = None
    virtual_size: int | None = None


UNKNOWN: Final = Format()


def format_of(path: Path) -> Format:
    """Find the format of a file. One that cannot be read is unknown; nothing is raised."""
    try:
        with path.open("rb", buffering=0) as file:
            return find_format(file, size_bytes=file.seek(0, 2))
    except OSError:
        return UNKNOWN


def find_format(file: Reader, *, size_bytes: int) -> Format:
    """Find the format of an open file, by less than a MiB of it, whatever is in it.

    Args:
        file: Is read at any position.
        size_bytes: Its size.

    >>> import io
    >>> header = b"QFI" + bytes([0xFB]) + struct.pack(">IQIIQ", 3, 0, 0, 16, 10 * 2**30)
    >>> find_format(io.BytesIO(header.ljust(512, b"0")), size_bytes=512)
    Format(name='qcow2', compression=None, virtual_size=10737418240)
    """
    image = _Image(file, size_bytes)
    return next((found for look in _LOOKS if (found := look(image))), UNKNOWN)


class _Image:
    """Reads at a position, and returns nothing if there is less than was asked for."""

    def __init__(self, file: Reader, size_bytes: int) -> None:
        self._file = file
        self.size_bytes = size_bytes

    def at(self, offset: int, count: int) -> bytes:
        if not 0 <= offset <= self.size_bytes - count:
            return b""
        parts = bytearray()
        with suppress(OSError, ValueError, OverflowError):
            self._file.seek(offset)
            while len(parts) < count and (part := self._file.read(count - len(parts))):
                parts += part
        return bytes(parts) if len(parts) == count else b""


def _qcow2(image: _Image) -> Format | None:
    header = image.at(0, 32)
    if not header.startswith(b"QFI\xfb"):
        return None
    version, _, _, cluster_bits, size = struct.unpack(">IQIIQ", header[4:])
    if version not in _QCOW2_VERSIONS or cluster_bits not in _QCOW2_CLUSTER_BITS:
        return None
    return Format("qcow2", virtual_size=_possible(size))


def _vmdk_sparse(image: _Image) -> Format | None:
    header = image.at(0, 79)
    if not header.startswith(b"KDMV"):
        return None
    version, _, capacity = struct.unpack("<IIQ", header[4:20])
    # VMware put the line ends there to notice a transfer as text.
    if version not in _VMDK_VERSIONS or header[73:77] != _VMDK_LINE_ENDS:
        return None
    return Format("vmdk", virtual_size=_possible(capacity * _SECTOR))


def _vmdk_descriptor(image: _Image) -> Format | None:
    text = image.at(0, min(image.size_bytes, _VMDK_DESCRIPTOR_BYTES))
    if not text.startswith(_VMDK_DESCRIPTOR):
        return None
    is_whole = len(text) == image.size_bytes
    sectors = sum(int(count) for count in _VMDK_EXTENT.findall(text)) if is_whole else 0
    return Format("vmdk", virtual_size=_possible(sectors * _SECTOR) if sectors else None)


def _vhd(image: _Image) -> Format | None:
    footer = image.at(image.size_bytes - _SECTOR, _SECTOR)
    found = _vhd_footer(footer)
    if found is None:
        # A dynamic one begins with a copy. Its end may be cut off.
        found = _vhd_footer(image.at(0, _SECTOR))
        if found is None or found[0] == _VHD_FIXED:
            return None
    kind, size = found
    is_told = kind != _VHD_FIXED or size == image.size_bytes - _SECTOR
    return Format("vhd", virtual_size=_possible(size) if is_told else None)


def _vhd_footer(footer: bytes) -> tuple[int, int] | None:
    """Return the disk's kind and current size; `None` if these bytes are not a footer."""
    if not footer.startswith(b"conectix"):
        return None
    (size,) = struct.unpack_from(">Q", footer, 48)
    kind, checksum = struct.unpack_from(">II", footer, 60)
    counted = sum(footer) - sum(footer[64:68])
    is_known = kind in {_VHD_FIXED, _VHD_DYNAMIC, _VHD_DIFFERENCING}
    return (kind, size) if is_known and checksum == ~counted & 0xFFFFFFFF else None


def _vhdx(image: _Image) -> Format | None:
    if image.at(0, 8) != b"vhdxfile":
        return None
    sizes = (_vhdx_size(image, table) for table in _VHDX_REGION_TABLES)
    return Format("vhdx", virtual_size=next((size for size in sizes if size is not None), None))


def _vhdx_size(image: _Image, region_table: int) -> int | None:
    region = _vhdx_entry(image.at(region_table, _VHDX_TABLE_BYTES), b"regi", 8, 16, _VHDX_METADATA)
    if region is None:
        return None
    start, length, _ = struct.unpack("<QII", region)
    metadata = image.at(start, _VHDX_TABLE_BYTES)
    item = _vhdx_entry(metadata, b"metadata", 10, 32, _VHDX_DISK_SIZE)
    if item is None:
        return None
    offset, item_length = struct.unpack_from("<II", item)
    if item_length != struct.calcsize("<Q") or not _VHDX_TABLE_BYTES <= offset <= length - 8:
        return None
    size = image.at(start + offset, 8)
    disk_bytes = int.from_bytes(size, "little")
    is_possible = len(size) > 0 and disk_bytes <= _VHDX_MAX_DISK_BYTES
    return disk_bytes if is_possible and disk_bytes % _SECTOR == 0 else None


def _vhdx_entry(
    table: bytes, signature: bytes, count_at: int, header_bytes: int, wanted: bytes
) -> bytes | None:
    """Return the content of one 32-byte entry of a table of regions or metadata."""
    if not table.startswith(signature):
        return None
    (count,) = struct.unpack_from("<H", table, count_at)
    starts = range(header_bytes, header_bytes + 32 * min(count, _VHDX_MAX_ENTRIES) + 1, 32)
    entries = (table[start:end] for start, end in pairwise(starts))
    return next((each[16:] for each in entries if each.startswith(wanted)), None)


def _tar(image: _Image) -> Format | None:
    header = image.at(0, _SECTOR)
    if not _is_tar_header(header):
        return None
    if header[_TAR_KIND : _TAR_KIND + 1] in {b"x", b"g"}:
        # What pax says of the first member comes before it.
        size = _octal(header[124:136]) or 0
        header = image.at(_SECTOR * (1 + -(-size // _SECTOR)), _SECTOR)
    name = header[:100].partition(b"\0")[0]
    is_ova = _is_tar_header(header) and header[_TAR_KIND] in b"0\0" and name.endswith(b".ovf")
    return Format("ova" if is_ova else "tar")


def _is_tar_header(header: bytes) -> bool:
    if header[257:262] != b"ustar":
        return False
    return _octal(header[148:156]) == sum(header) - sum(header[148:156]) + 8 * ord(" ")


def _octal(field: bytes) -> int | None:
    digits = field.strip(b" \0")
    return int(digits, 8) if re.fullmatch(rb"[0-7]{1,12}", digits) else None


def _compressed(image: _Image) -> Format | None:
    beginning = image.at(0, min(image.size_bytes, 16))
    names = (name for name, magic in _COMPRESSIONS.items() if magic.match(beginning))
    name = next(names, None)
    return Format(compression=name) if name else None


def _iso(image: _Image) -> Format | None:
    # One byte for the kind of descriptor, the identifier, and its version, which is 1 or 2.
    descriptor = image.at(16 * _ISO_SECTOR, _ISO_SECTOR)
    is_iso = descriptor[1:6] == b"CD001" and descriptor[6] in {1, 2}
    return Format("iso", virtual_size=image.size_bytes) if is_iso else None


def _raw(image: _Image) -> Format | None:
    is_disk = image.size_bytes % _SECTOR == 0 and (_has_gpt(image) or _has_mbr(image))
    return Format("raw", virtual_size=image.size_bytes) if is_disk else None


def _has_gpt(image: _Image) -> bool:
    return any(image.at(sector, 8) == b"EFI PART" for sector in _GPT_SECTORS)


def _has_mbr(image: _Image) -> bool:
    """Return whether there is a partition table; a file system's boot code has only its mark."""
    sector = image.at(0, _SECTOR)
    if sector[510:] != b"\x55\xaa":
        return False
    partitions = [struct.unpack("<B3xB3xII", sector[at : at + 16]) for at in range(446, 510, 16)]
    used = [each for each in partitions if each[1] != 0]
    return bool(used) and all(
        status in {0x00, 0x80} and (kind == 0 or (start > 0 and count > 0))
        for status, kind, start, count in partitions
    )


def _possible(size: int) -> int | None:
    return size if 0 <= size <= _MAX_DISK_BYTES else None


_LOOKS: Final[tuple[Callable[[_Image], Format | None], ...]] = (
    _qcow2,
    _vmdk_sparse,
    _vmdk_descriptor,
    _vhdx,
    _tar,
    _compressed,
    # The others have room before their signatures, where something of another kind may be: an
    # image that can be burnt on a disc and written on a stick has a partition table as well.
    _vhd,
    _iso,
    _raw,
)
