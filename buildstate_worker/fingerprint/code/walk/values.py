"""One text for a value that a function reaches, equal in every process, folder and version."""

import array
import dataclasses
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cached_property, partial
from hashlib import sha256
from inspect import getattr_static
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path, PurePath
from types import FunctionType, MappingProxyType, SimpleNamespace
from typing import Any, Final
from uuid import UUID

_AS_SAID: Final = (
    date, time, timedelta, tzinfo, Decimal, Fraction, UUID, range,
    IPv4Address, IPv4Network, IPv6Address, IPv6Network,
)  # fmt: skip
_CONSTANTS: Final = (bool, int, float, complex, str, bytes, type(None), type(...), tuple, frozenset)
_SAYS_ITSELF: Final = "__bldst_fingerprint__"
"""The method by which a class says what of an instance counts."""
_KEPT_BY_PYDANTIC: Final = ("__pydantic_extra__", "__pydantic_private__")


class Values:
    """Makes the texts of values.

    Attributes:
        is_unknown: Whether one was met since this was set to false that shows nothing but its type.
        met: The code, and the classes of the project, that were met since this was emptied.
    """

    def __init__(
        self,
        roots: tuple[Path, ...],
        code: Callable[[object], str | None],
        is_own: Callable[[type], bool],
    ) -> None:
        """Keep how to tell what is no plain data.

        Args:
            roots: The project's folder, by each of its names; no text depends on it.
            code: Gives the text of a function, a class or a module, and `None` for data.
            is_own: Whether a class is the project's.
        """
        self._roots = [str(each) for each in roots if each != Path(each.anchor)]
        self._code = code
        self._is_own = is_own
        self._inside: dict[int, int] = {}
        self.is_unknown = False
        self.met: list[object] = []

    def text(self, value: object) -> str:
        """Return the text of a value."""
        if type(value) is str:
            return f"str {self._placed(value)!a}"
        if value is None or type(value) in {bool, float, complex, type(...)}:
            return f"{type(value).__name__} {value!r}"
        if type(value) is int:
            return f"int {value:x}"
        found = self._code(value)
        if found is not None:
            self.met.append(value)
            return found
        if id(value) in self._inside:
            return f"the one {len(self._inside) - self._inside[id(value)]} above"
        self._inside[id(value)] = len(self._inside)
        try:
            return f"{type(value).__qualname__}({self._inner(value)})"
        finally:
            del self._inside[id(value)]

    def texts(self, values: Iterable[object]) -> str:
        """Return the texts of several values, in order."""
        return ",".join(map(self.text, values))

    def attributes(self, value: object) -> str:
        """Return the text of an instance's attributes, by name."""
        found = attributes_of(value)
        return ",".join(f"{name}={self.text(found[name])}" for name in sorted(found))

    def _inner(self, value: Any) -> str:
        is_own = self._is_own(type(value))
        owner = f"{self.text(type(value))};" if is_own else ""
        if isinstance(value, Enum):
            return f"{owner}{value.name}={self.text(value.value)}"
        if hasattr(type(value), _SAYS_ITSELF):
            return f"{owner}{self.text(getattr(value, _SAYS_ITSELF)())}"
        content = self._content(value)
        if is_own:
            return f"{owner}{content or ''};{self.attributes(value)}"
        if content is not None:
            return content
        if shows_its_fields(value):
            return self.attributes(value)
        self.is_unknown = True
        return ""

    def _content(self, value: Any) -> str | None:
        """Return what a value of a known type holds, or `None`."""
        for types, say in (
            (str, lambda: ascii(self._placed(value))),
            (int, lambda: f"{int(value):x}"),
            (float, partial(float.__repr__, value)),
            ((bytes, bytearray, memoryview), lambda: sha256(bytes(value)).hexdigest()),
            (PurePath, lambda: ascii(self._placed(str(value)))),
            (datetime, lambda: f"{value.isoformat()}{value.fold}"),
            (timezone, lambda: f"{value!r}"),
            (_AS_SAID, value.__str__),
            ((set, frozenset), lambda: self._unordered(value)),
            ((list, tuple), lambda: self.texts(value)),
            (deque, lambda: self.texts((*value, value.maxlen))),
            ((dict, MappingProxyType), lambda: self._pairs(value)),
            (array.array, lambda: sha256(value.tobytes()).hexdigest()),
            (re.Pattern, lambda: self.texts((value.pattern, value.flags))),
            (slice, lambda: self.texts((value.start, value.stop, value.step))),
        ):
            if isinstance(value, types):
                return say()
        return None

    def _unordered(self, value: AbstractSet[object]) -> str:
        return ",".join(sorted(map(self.text, sorted(value, key=_place))))

    def _pairs(self, value: Any) -> str:
        # The order counts: whoever goes through it sees it.
        pairs = [f"{self.text(key)}:{self.text(each)}" for key, each in list(value.items())]
        factory = getattr(value, "default_factory", None)
        return ",".join([*pairs, *([] if factory is None else [self.text(factory)])])

    def _placed(self, text: str) -> str:
        """Return a text in which the project's folder is not said."""
        for root in self._roots:
            if root in text:
                text = "<project>" if text == root else text.replace(f"{root}/", "<project>/")
        return text


def is_constant(value: object) -> bool:
    """Return whether a value is of a type that has no attributes of its own to follow."""
    return type(value) in _CONSTANTS


def attributes_of(value: object) -> Mapping[str, object]:
    """Return the attributes that an instance has itself, without what it only caches."""
    found: dict[str, object] = {}
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            is_dunder = name.startswith("__") and name.endswith("__")
            if is_dunder and name not in _KEPT_BY_PYDANTIC:
                continue
            is_private = name.startswith("__") and not is_dunder
            private = f"_{cls.__name__.lstrip('_')}{name}" if is_private else name
            try:
                found[name] = object.__getattribute__(value, private)
            except AttributeError:
                continue
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return found
    cached = (name for name in own if _is_cached(type(value), name))
    return {**found, **{name: own[name] for name in own.keys() - set(cached)}}


def shows_its_fields(value: object) -> bool:
    """Return whether an instance of an installed class is nothing but its fields."""
    if isinstance(value, SimpleNamespace):
        return True
    if hasattr(type(value), "__pydantic_fields__") or hasattr(type(value), "__attrs_attrs__"):
        return True
    return dataclasses.is_dataclass(value)


def _is_cached(cls: type, name: str) -> bool:
    return isinstance(getattr_static(cls, name, None), cached_property)


def _place(value: object) -> tuple[str, int]:
    """Return what sorts functions of a set the same way in every process."""
    if not isinstance(value, FunctionType):
        return os.devnull, 0
    return value.__code__.co_filename, value.__code__.co_firstlineno
