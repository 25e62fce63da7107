"""What an instance keeps in its attributes, read without running any code of its class."""

import functools
import inspect
import struct
import sys
from collections.abc import Mapping
from importlib.machinery import EXTENSION_SUFFIXES
from types import MemberDescriptorType
from typing import Any, Final

from pydantic import BaseModel

from buildstate_worker.fingerprint.params.classes import is_installed

_NOT_SLOTS: Final = frozenset({"__dict__", "__weakref__"})
_POINTER_BYTES: Final = struct.calcsize("P")


def attributes_of(value: object, *, base: type = object) -> dict[str, object]:
    """Return what an instance keeps, by the names of its attributes.

    Properties that are kept once they were asked for are left out: they follow from the rest.

    Args:
        value: The instance.
        base: A class whose own slots are left out.
    """
    cls = type(value)
    found = dict(_dict_of(value))
    for each in cls.__mro__[: cls.__mro__.index(base)]:
        for name in _slots(each):
            slot = each.__dict__.get(name)
            if isinstance(slot, MemberDescriptorType):
                try:
                    found[name] = slot.__get__(value, cls)
                except AttributeError:  # nothing was put in it
                    continue
    if isinstance(value, BaseModel):
        found |= {**(value.__pydantic_extra__ or {}), **_private(value)}
    return {name: each for name, each in found.items() if not _is_derived(cls, name)}


def with_attributes(value: Any, changes: Mapping[str, object]) -> Any:
    """Return a copy of an instance that keeps all in attributes, with some of them changed.

    Args:
        value: The instance; none of its class's methods is called.
        changes: The new attributes, by name.
    """
    made = object.__new__(type(value))
    in_dict = _dict_of(value)
    for name, each in {**attributes_of(value), **changes}.items():
        if name in in_dict:
            _dict_of(made)[name] = each
        else:
            object.__setattr__(made, name, each)
    return made


def keeps_attributes_only(cls: type, *, base: type = object) -> bool:
    """Return whether instances keep what the base does not in attributes, and nothing in C."""
    added = cls.__mro__[: cls.__mro__.index(base)]
    if any(_is_compiled(each) for each in added):
        return False
    slots = sum(len(_slots(each)) for each in added)
    most = _size_in_python(base) + _POINTER_BYTES * slots
    return cls.__itemsize__ == base.__itemsize__ and cls.__basicsize__ <= most


def _private(value: BaseModel) -> dict[str, object]:
    """Return a model's private attributes, but those that an installed package keeps in it."""
    foreign: set[str] = set()
    for each in type(value).__mro__:
        if is_installed(each.__module__):
            foreign |= getattr(each, "__private_attributes__", {}).keys()
    kept = value.__pydantic_private__ or {}
    return {name: each for name, each in kept.items() if name not in foreign}


def _dict_of(value: object) -> dict[str, object]:
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if isinstance(found, dict) else {}


def _slots(cls: type) -> list[str]:
    said = cls.__dict__.get("__slots__", ())
    names = (said,) if isinstance(said, str) else tuple(said)
    return [_mangled(cls, each) for each in names if each not in _NOT_SLOTS]


def _mangled(cls: type, name: str) -> str:
    is_private = name.startswith("__") and not name.endswith("__")
    return f"_{cls.__name__.lstrip('_')}{name}" if is_private else name


def _is_derived(cls: type, name: str) -> bool:
    if name.startswith("__") and name.endswith("__"):
        return True
    return isinstance(inspect.getattr_static(cls, name, None), functools.cached_property)


def _is_compiled(cls: type) -> bool:
    """Return whether a class may keep in C what nobody sees from outside."""
    if cls.__module__ in sys.builtin_module_names or hasattr(cls, "n_unnamed_fields"):
        return True
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return file is not None and file.endswith(tuple(EXTENSION_SUFFIXES))


@functools.cache
def _size_in_python(base: type) -> int:
    """Return how large an instance of a class is that Python code derives from another one."""
    return type("Derived", (base,), {}).__basicsize__
