"""What milestones are called with: artifacts found in it, and put in it."""

from collections.abc import Callable, Iterator
from typing import Any

from buildstate_flows.handle import Handle
from buildstate_flows.lazy import Artifact

Result = Artifact | Handle


def replaced(value: Any, replace: Callable[[Any], Any]) -> Any:
    """Give a value with what `replace` gives for it and for each thing in its lists and dicts.

    What nothing was replaced in is the same object as before.

    >>> replaced(["a", {"b": (1, "a")}], lambda each: "x" if each == "a" else each)
    ['x', {'b': (1, 'x')}]
    """
    new = replace(value)
    if new is not value:
        return new
    if type(value) in {list, tuple}:
        items = [replaced(each, replace) for each in value]
        is_same = all(old is new for old, new in zip(value, items, strict=True))
        return value if is_same else type(value)(items)
    if type(value) is dict:
        named = {key: replaced(each, replace) for key, each in value.items()}
        is_same = all(value[key] is each for key, each in named.items())
        return value if is_same else named
    return value


def results_in(value: Any) -> Iterator[Result]:
    """Give every result of a milestone in a value, however deep in lists, tuples and dicts."""
    if isinstance(value, Artifact | Handle):
        yield value
    elif type(value) in {list, tuple}:
        for each in value:
            yield from results_in(each)
    elif type(value) is dict:
        for each in value.values():
            yield from results_in(each)
