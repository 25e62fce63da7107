"""Which attributes of a class are its code and data, and which Python or a library put there."""

from collections.abc import Iterator
from enum import Enum
from types import FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any, Final

from buildstate_worker.fingerprint.code.walk.objects import innermost, is_code

_OF_ANNOTATIONS: Final = frozenset({"__annotate__", "__annotate_func__"})
"""Functions that Python makes from 3.14 on; the annotations are in the class's text."""
_SLOTS: Final = (MemberDescriptorType, GetSetDescriptorType)


def members_of(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a class itself, in alphabetical order, without generated ones.

    What a dataclass, a named tuple, an enum or a model generates is said by the class's text.
    """
    choices = cls.__members__ if issubclass(cls, Enum) else None
    for name in sorted(vars(cls)):
        value = vars(cls)[name]
        is_special = name.startswith("__") and name.endswith("__")
        if (
            name in _OF_ANNOTATIONS
            or isinstance(value, _SLOTS)
            or (is_special and not is_code(value))
        ):
            continue
        if is_special and _was_generated(value):
            continue
        if choices is not None and (name in choices or (name[0] == "_" and not is_code(value))):
            continue
        yield name, value
    if choices is not None:
        yield "members", {name: each.value for name, each in choices.items()}


def _was_generated(value: object) -> bool:
    inner = innermost(value)
    return isinstance(inner, FunctionType) and inner.__code__.co_filename.startswith("<")
