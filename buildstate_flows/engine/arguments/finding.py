"""All results of milestones in a value, wherever they are."""

import functools
import types
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final, TypeGuard

from buildstate_flows.artifact import Artifact
from buildstate_flows.handle import Handle
from buildstate_worker.fingerprint.params.attributes import attributes_of
from buildstate_worker.fingerprint.params.classes import is_bag, is_of_project, is_record

Result = Artifact | Handle

_ITEMS: Final = (list, tuple, set, frozenset, deque)
_PAIRS: Final = (dict, types.MappingProxyType)


def is_result(value: object) -> TypeGuard[Result]:
    """Return whether a value is the result of a milestone."""
    return isinstance(value, Artifact | Handle)


def results_in(value: Any) -> Iterator[Result]:
    """Yield every result of a milestone in a value, however deep; each once.

    >>> list(results_in([{"a": (1, 2)}, functools.partial(print, Handle("ami", "ami-0abc"))]))
    [Handle('ami', 'ami-0abc')]
    """
    seen = {}
    rest = [value]
    while rest:
        each = rest.pop()
        if id(each) in seen:
            continue
        seen[id(each)] = each  # kept, so that no other object gets its id meanwhile
        if is_result(each):
            yield each
        else:
            rest.extend(_held_by(each))


def _held_by(value: Any) -> Iterable[Any]:
    if isinstance(value, _ITEMS):
        return chain(value, _attributes(value))
    if isinstance(value, _PAIRS):
        return chain(value.keys(), value.values(), _attributes(value))
    if isinstance(value, functools.partial):
        return value.func, value.args, value.keywords
    if isinstance(value, types.MethodType):
        return value.__self__, value.__func__
    if isinstance(value, types.FunctionType):
        return _reached_by(value)
    return _attributes(value)


def _attributes(value: Any) -> Iterable[Any]:
    cls = type(value)
    if is_record(value) or is_bag(value) or is_of_project(cls):
        return attributes_of(value).values()
    return ()


def _reached_by(function: types.FunctionType) -> Iterator[Any]:
    """Yield what a function keeps: its closure, its defaults, and what it wraps."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # nothing was put in it yet
            continue
    yield from (function.__defaults__, function.__kwdefaults__)
    yield getattr(function, "__wrapped__", None)
