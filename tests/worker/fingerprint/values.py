"""Values of every kind that has a digest, each made anew by a function."""

import argparse
import datetime as dt
import functools
import ipaddress
import math
import re
from array import array
from collections import (
    ChainMap,
    Counter,
    OrderedDict,
    UserDict,
    UserList,
    UserString,
    defaultdict,
    deque,
    namedtuple,
)
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType, SimpleNamespace
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
from pydantic import AnyUrl, BaseModel, HttpUrl, PostgresDsn, PrivateAttr

T = TypeVar("T")


class Level(Enum):
    LOW = 1
    HIGH = 2


class Grade(Enum):
    LOW = 1


class Number(IntEnum):
    ONE = 1


class Word(StrEnum):
    A = "a"


class Mode(Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    y: object


Pair = namedtuple("Pair", ["x", "y"])  # noqa: PYI024 - the other way to write one


@dataclass
class Disk:
    name: str
    size: object = 0
    tags: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Slim:
    name: str
    size: object = 0


@dataclass
class Scaled:
    size: int
    scale: InitVar[int]

    def __post_init__(self, scale: int) -> None:
        self.total = self.size * scale


class Size(BaseModel, extra="allow"):
    gigabytes: int
    _note: str = PrivateAttr("")

    def noted(self, note: str) -> "Size":
        self._note = note
        return self


@attrs.frozen
class Wheel:
    inches: int


@attrs.define(slots=False)
class Tyre:
    inches: int


class Image:
    """An ordinary class of the project."""

    def __init__(self, release: object) -> None:
        self.release = release
        self.__arch = "x86"

    @functools.cached_property
    def name(self) -> str:
        return f"rhel-{self.release}-{self.__arch}"

    def method(self) -> None: ...


class Slotted:
    __slots__ = ("__private", "release")

    def __init__(self, release: object, private: object = 0) -> None:
        self.release = release
        self.__private = private


class Box(Generic[T]):
    def __init__(self, item: T) -> None:
        self.item = item


class Names(list[str]):
    note = ""


class Text(str):
    __slots__ = ()


class Client:
    """Cannot be looked into, and says what stands for it."""

    def __init__(self, url: object) -> None:
        self.url = url
        self.lock = object()

    def __bldst_fingerprint__(self) -> object:
        return self.url


def named(note: str) -> Names:
    names = Names(["a"])
    names.note = note
    return names


NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)

VALUES: Mapping[str, Callable[[], Any]] = {
    "none": lambda: None,
    "ellipsis": lambda: ...,
    "true": lambda: True,
    "false": lambda: False,
    "zero": lambda: 0,
    "one": lambda: 1,
    "huge": lambda: 10**6000,
    "minus": lambda: -1,
    "one as float": lambda: 1.0,
    "zero as float": lambda: 0.0,
    "minus zero": lambda: -0.0,
    "nan": lambda: math.nan,
    "infinity": lambda: math.inf,
    "one as complex": lambda: 1 + 0j,
    "one as decimal": lambda: Decimal(1),
    "decimal": lambda: Decimal("1.0"),
    "decimal with zeros": lambda: Decimal("1.00"),
    "one as fraction": lambda: Fraction(1),
    "empty text": lambda: "",
    "text": lambda: "a",
    "text of one": lambda: "1",
    "text of a decimal": lambda: "1.0",
    "half a surrogate pair": lambda: "\ud800",
    "text with an accent": lambda: "\u00fc",
    "bytes": lambda: b"a",
    "bytearray": lambda: bytearray(b"a"),
    "array": lambda: array("b", b"a"),
    "array of integers": lambda: array("i", [97]),
    "text of another class": lambda: Text("a"),
    "path": lambda: Path("a"),
    "pure path": lambda: PurePosixPath("a"),
    "windows path": lambda: PureWindowsPath("a"),
    "composed path": lambda: Path("\u00fc"),
    "decomposed path": lambda: Path("u\u0308"),
    "instant": lambda: NOON,
    "local time": lambda: NOON.replace(tzinfo=None),
    "local time again": lambda: NOON.replace(tzinfo=None, fold=1),
    "date": lambda: dt.date(2026, 11, 25),
    "midnight": lambda: dt.datetime.combine(dt.date(2026, 11, 25), dt.time()),
    "time": lambda: dt.time(12),
    "time in UTC": lambda: dt.time(12, tzinfo=dt.UTC),
    "time in Rome": lambda: dt.time(12, tzinfo=ZoneInfo("Europe/Rome")),
    "zone": lambda: ZoneInfo("Europe/Rome"),
    "offset": lambda: dt.timezone(dt.timedelta(hours=1)),
    "timedelta": lambda: dt.timedelta(minutes=1),
    "earliest": lambda: dt.datetime.min.replace(tzinfo=dt.timezone(dt.timedelta(hours=5))),
    "uuid": lambda: UUID(int=1),
    "text of a uuid": lambda: str(UUID(int=1)),
    "url": lambda: AnyUrl("https://example.com/"),
    "web url": lambda: HttpUrl("https://example.com/"),
    "database url": lambda: PostgresDsn("postgresql://a@b/c"),
    "split url": lambda: urlsplit("https://example.com/"),
    "address": lambda: ipaddress.ip_address("10.0.0.1"),
    "interface": lambda: ipaddress.ip_interface("10.0.0.1"),
    "network": lambda: ipaddress.ip_network("10.0.0.1"),
    "address of six": lambda: ipaddress.ip_address("::1"),
    "range": lambda: range(3),
    "stepped range": lambda: range(0, 3, 2),
    "slice": lambda: slice(3),
    "pattern": lambda: re.compile("a"),
    "pattern without case": lambda: re.compile("a", re.IGNORECASE),
    "pattern of bytes": lambda: re.compile(b"a"),
    "enum": lambda: Level.LOW,
    "another member": lambda: Level.HIGH,
    "another enum": lambda: Grade.LOW,
    "number": lambda: Number.ONE,
    "word": lambda: Word.A,
    "flag": lambda: Mode.READ,
    "flags": lambda: Mode.READ | Mode.WRITE,
    "list": lambda: [1, 2],
    "other order": lambda: [2, 1],
    "list of lists": lambda: [[1], 2],
    "list in another": lambda: [1, [2]],
    "list of another class": lambda: named(""),
    "list with a note": lambda: named("b"),
    "tuple": lambda: (1, 2),
    "named tuple": lambda: Point(1, 2),
    "other named tuple": lambda: Pair(1, 2),
    "set": lambda: {"a", "b", "c", 1, (2, 3)},
    "frozenset": lambda: frozenset({"a", "b", "c", 1, (2, 3)}),
    "empty list": list,
    "empty tuple": tuple,
    "empty dict": dict,
    "empty set": set,
    "deque": lambda: deque([1, 2]),
    "short deque": lambda: deque([1, 2], maxlen=2),
    "dict": lambda: {"a": 1, "b": 2},
    "dict with odd keys": lambda: {1: "a", "1": "b", None: "c", (1, 2): "d", 1.5: "e"},
    "ordered dict": lambda: OrderedDict(a=1, b=2),
    "other ordered dict": lambda: OrderedDict(b=2, a=1),
    "counter": lambda: Counter(a=1, b=2),
    "dict of zeros": lambda: defaultdict(int, a=1, b=2),
    "dict of lists": lambda: defaultdict(list, a=1, b=2),
    "mapping proxy": lambda: MappingProxyType({"a": 1, "b": 2}),
    "namespace": lambda: SimpleNamespace(a=1, b=2),
    "chain of dicts": lambda: ChainMap({"a": 1}, {"b": 2}),
    "dict of one's own": lambda: UserDict(a=1, b=2),
    "list of one's own": lambda: UserList([1, 2]),
    "text of one's own": lambda: UserString("a"),
    "parsed arguments": lambda: argparse.Namespace(a=1, b=2),
    "dataclass": lambda: Disk("a"),
    "dataclass with odd values": lambda: Disk("a", {1: {2, 3}}, {"x", "y"}),
    "slim dataclass": lambda: Slim("a"),
    "dict of a dataclass": lambda: {"name": "a", "size": 0, "tags": set()},
    "scaled once": lambda: Scaled(2, scale=1),
    "scaled twice": lambda: Scaled(2, scale=2),
    "model": lambda: Size(gigabytes=8),
    "model with more": lambda: Size(gigabytes=8, more=1),
    "noted model": lambda: Size(gigabytes=8).noted("x"),
    "attrs": lambda: Wheel(8),
    "attrs with a dict": lambda: Tyre(8),
    "object": lambda: Image("9.6"),
    "other object": lambda: Image("9.7"),
    "slots": lambda: Slotted("9.6"),
    "private slot": lambda: Slotted("9.6", 1),
    "generic object": lambda: Box[int](1),
    "method": lambda: Client("a"),
    "method that says otherwise": lambda: Client("b"),
    "function of Python": lambda: math.sqrt,
    "type of Python": lambda: Decimal,
    "partial": lambda: functools.partial(math.pow, 2),
    "other partial": lambda: functools.partial(math.pow, 3),
}
"""By a name. No two are the same; each call of one gives the same."""
