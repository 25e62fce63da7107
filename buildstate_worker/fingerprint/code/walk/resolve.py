"""What a name with its attributes stands for, without running anything."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from inspect import getattr_static
from types import ModuleType
from typing import Any, Final

from buildstate_worker.fingerprint.code.tree.references import Chain

MISSING: Final = object()
"""Stands for what is not there."""


@dataclass(frozen=True)
class Found:
    """Where a chain of names led.

    Attributes:
        value: The last object that could be followed.
        holder: The module or class that it was taken from; `None` for the chain's first name.
        name: Its name there.
        rest: The attributes that were not followed, since they are of an instance.
    """

    value: Any
    holder: ModuleType | type | None
    name: str
    rest: Chain


def follow(chain: Chain, value: object, is_own: Callable[[type], bool]) -> Found:
    """Follow a chain through modules and the project's classes.

    Args:
        chain: The names.
        value: What the first one stands for.
        is_own: Whether a class is the project's.
    """
    holder: ModuleType | type | None = None
    name = chain[0]
    for at in range(1, len(chain)):
        if isinstance(value, ModuleType):
            inner = _of_module(value, chain[at])
        elif isinstance(value, type) and is_own(value) and not issubclass(value, Enum):
            inner = getattr_static(value, chain[at], MISSING)
        else:
            return Found(value, holder, name, chain[at:])
        if inner is MISSING:
            return Found(value, holder, name, chain[at:])
        holder, name, value = value, chain[at], inner
    return Found(value, holder, name, ())


def member(cls: type, name: str, *, after: type | None = None) -> tuple[type, Any] | None:
    """Return a class's member, with the class of its MRO that has it.

    Args:
        cls: The class.
        name: The member's name.
        after: Look only behind this class, as `super()` does.
    """
    order = cls.__mro__
    if after is not None:
        order = order[order.index(after) + 1 :] if after in order else after.__mro__[1:]
    return next(((each, vars(each)[name]) for each in order if name in vars(each)), None)


def class_named(qualname: str, namespace: Mapping[str, Any]) -> type | None:
    """Return a class of a module by its qualified name."""
    names = qualname.split(".")
    value = namespace.get(names[0])
    for each in names[1:]:
        value = getattr_static(value, each, None)
    return value if isinstance(value, type) else None


def _of_module(module: ModuleType, name: str) -> object:
    found = vars(module).get(name, MISSING)
    return sys.modules.get(f"{module.__name__}.{name}", MISSING) if found is MISSING else found
