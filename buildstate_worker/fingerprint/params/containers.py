"""Values that hold others: what they hold, with where it is."""

import functools
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from buildstate_worker.fingerprint.params.nodes import Node, node
from buildstate_worker.fingerprint.params.refusal import Place

Look = Callable[[object, Place], Node]
"""Returns the digest of what is at a place."""


def _sequence(items: Iterable[object], place: Place, look: Look) -> list[Node]:
    return [look(each, place.item(index)) for index, each in enumerate(items)]


def _set(items: Iterable[object], place: Place, look: Look) -> Node:
    inside = place.part("an item")
    return node("items", [look(each, inside) for each in items], is_ordered=False)


def _pairs(items: Iterable[tuple[object, object]], place: Place, look: Look) -> list[Node]:
    keys = place.part("a key")
    return [node("pair", [look(key, keys), look(each, place.item(key))]) for key, each in items]


def _mapping(items: Iterable[tuple[object, object]], place: Place, look: Look) -> Node:
    return node("pairs", _pairs(items, place, look), is_ordered=False)


def _deque(value: "deque[object]", place: Place, look: Look) -> list[Node]:
    limit = look(value.maxlen, place.attribute("maxlen"))
    return [limit, *_sequence(deque.__iter__(value), place, look)]


def _defaultdict(value: "defaultdict[object, object]", place: Place, look: Look) -> list[Node]:
    made = look(value.default_factory, place.attribute("default_factory"))
    return [made, _mapping(dict.items(value), place, look)]


def _partial(value: "functools.partial[object]", place: Place, look: Look) -> list[Node]:
    return [
        look(getattr(value, name), place.attribute(name)) for name in ("func", "args", "keywords")
    ]


def _method(value: types.MethodType, place: Place, look: Look) -> list[Node]:
    return [look(getattr(value, name), place.attribute(name)) for name in ("__func__", "__self__")]


def _slice(value: slice, place: Place, look: Look) -> list[Node]:
    return [look(getattr(value, name), place.attribute(name)) for name in ("start", "stop", "step")]


CONTAINERS: Final[Mapping[type, tuple[str, Callable[[Any, Place, Look], Iterable[Node]]]]] = {
    list: ("list", lambda value, place, look: _sequence(list.__iter__(value), place, look)),
    tuple: ("tuple", lambda value, place, look: _sequence(tuple.__iter__(value), place, look)),
    set: ("set", lambda value, place, look: [_set(set.__iter__(value), place, look)]),
    frozenset: (
        "frozenset",
        lambda value, place, look: [_set(frozenset.__iter__(value), place, look)],
    ),
    deque: ("deque", _deque),
    dict: ("dict", lambda value, place, look: [_mapping(dict.items(value), place, look)]),
    Counter: ("Counter", lambda value, place, look: [_mapping(dict.items(value), place, look)]),
    OrderedDict: (
        "OrderedDict",
        lambda value, place, look: _pairs(OrderedDict.items(value), place, look),
    ),
    defaultdict: ("defaultdict", _defaultdict),
    types.MappingProxyType: (
        "mapping proxy",
        lambda value, place, look: [_mapping(value.items(), place, look)],
    ),
    functools.partial: ("partial", _partial),
    types.MethodType: ("method", _method),
    slice: ("slice", _slice),
}
"""What kind of value each type is, and the digests of what one holds.

The order of a dict does not count; that of an `OrderedDict`, which is equal only in the same order,
does.
"""
