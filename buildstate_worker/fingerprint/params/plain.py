"""Values that hold no others: each is described by texts."""

import datetime as dt
import ipaddress
import pathlib
import re
import uuid
import zoneinfo
from array import array
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final
from unicodedata import normalize

Texts = tuple[str | bytes, ...]

_MICROSECOND: Final = dt.timedelta(microseconds=1)
_BEGIN: Final = dt.datetime(1, 1, 1)  # noqa: DTZ001 - what a clock shows
_ANY_DAY: Final = dt.date(2000, 1, 1)


def _text(value: str) -> Texts:
    return (normalize("NFC", str.__str__(value)),)


def _path(value: pathlib.PurePath) -> Texts:
    return (value.as_posix(),)


def _complex(value: complex) -> Texts:
    return float.hex(value.real), float.hex(value.imag)


def _moment(value: dt.datetime) -> Texts:
    """Describe the instant; without a time zone, what the clock shows."""
    offset = value.utcoffset()
    local = (value.replace(tzinfo=None) - _BEGIN) // _MICROSECOND
    if offset is None:
        return "local", str(local), str(value.fold)
    return "instant", str(local - offset // _MICROSECOND)


def _time_of_day(value: dt.time) -> Texts:
    local = dt.datetime.combine(_ANY_DAY, value.replace(tzinfo=None))
    clock = str((local - dt.datetime.combine(_ANY_DAY, dt.time.min)) // _MICROSECOND)
    if value.tzinfo is None:
        return "local", clock, str(value.fold)
    offset = value.utcoffset()
    if offset is None:  # it depends on the day
        return "zone", clock, str(value.fold), str(value.tzinfo)
    return "offset", clock, str(offset // _MICROSECOND)


def _span(value: dt.timedelta) -> Texts:
    return (str(value // _MICROSECOND),)


def _by_str(value: object) -> Texts:
    return (str(value),)


def _decimal(value: Decimal) -> Texts:
    return (Decimal.__str__(value),)


def _fraction(value: Fraction) -> Texts:
    return str(value.numerator), str(value.denominator)


def _zone(value: zoneinfo.ZoneInfo) -> Texts | None:
    key: str | None = value.key  # a zone that was read from a file has none
    return None if key is None else (key,)


def _pattern(value: "re.Pattern[Any]") -> Texts:
    source = value.pattern
    shown = source.hex() if isinstance(source, bytes) else normalize("NFC", source)
    return type(source).__name__, shown, str(value.flags)


PLAIN: Final[Mapping[type, tuple[str, Callable[[Any], Texts | None]]]] = {
    type(None): ("none", lambda _: ()),
    type(...): ("ellipsis", lambda _: ()),
    type(NotImplemented): ("not implemented", lambda _: ()),
    bool: ("bool", lambda value: (str(value),)),
    int: ("int", lambda value: (int.__format__(value, "x"),)),
    float: ("float", lambda value: (float.hex(value),)),
    complex: ("complex", _complex),
    str: ("str", _text),
    bytes: ("bytes", lambda value: (bytes(memoryview(value)),)),
    bytearray: ("bytearray", lambda value: (bytes(memoryview(value)),)),
    array: ("array", lambda value: (value.typecode, value.tobytes())),
    Decimal: ("decimal", _decimal),
    Fraction: ("fraction", _fraction),
    dt.datetime: ("datetime", _moment),
    dt.date: ("date", lambda value: (dt.date.isoformat(value),)),
    dt.time: ("time", _time_of_day),
    dt.timedelta: ("timedelta", _span),
    dt.timezone: ("timezone", lambda value: (repr(value),)),
    zoneinfo.ZoneInfo: ("zone", _zone),
    uuid.UUID: ("uuid", lambda value: (value.hex,)),
    pathlib.PurePosixPath: ("PurePosixPath", _path),
    pathlib.PureWindowsPath: ("PureWindowsPath", _path),
    pathlib.PosixPath: ("PosixPath", _path),
    pathlib.WindowsPath: ("WindowsPath", _path),
    ipaddress.IPv4Address: ("IPv4Address", _by_str),
    ipaddress.IPv6Address: ("IPv6Address", _by_str),
    ipaddress.IPv4Network: ("IPv4Network", _by_str),
    ipaddress.IPv6Network: ("IPv6Network", _by_str),
    ipaddress.IPv4Interface: ("IPv4Interface", _by_str),
    ipaddress.IPv6Interface: ("IPv6Interface", _by_str),
    range: ("range", lambda value: (str(value.start), str(value.stop), str(value.step))),
    re.Pattern: ("pattern", _pattern),
}
"""What kind of value each type is, and what describes one; `None` if nothing does.

Two types never have one kind: `True` is not 1, and a path is not its name.
"""
