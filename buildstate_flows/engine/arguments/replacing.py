"""A value with other things in the place of results."""

import functools
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from buildstate_flows.engine.arguments.forms import Form, forms_of
from buildstate_worker.fingerprint.params.attributes import (
    attributes_of,
    keeps_attributes_only,
    with_attributes,
)
from buildstate_worker.fingerprint.params.classes import is_bag, is_record

Replace = Callable[[Any, Form], Any]
"""Returns what is to be in the place of a value, given the form in which it is taken there."""

_ITEMS: Final = frozenset({list, tuple, set, frozenset, deque})
_PAIRS: Final = frozenset({dict, OrderedDict, defaultdict, types.MappingProxyType})


def replaced(value: Any, replace: Replace, form: Form = Form.PATH) -> Any:
    """Return a value in which `replace` was called on it and on everything that it holds.

    What nothing was replaced in is the same object as before. A dataclass is made anew without its
    `__init__` and `__post_init__`, a model without validation. Ordinary objects and functions stay
    as they are, with all that they hold: the flow has them, too, and sees what is done to them.

    Args:
        value: The value.
        replace: Returns what is to be in the place of a value.
        form: The form in which the value is taken, unless a field's annotation says another one.

    >>> replaced(["a", {"b": (1, "a")}], lambda each, _: "x" if each == "a" else each)
    ['x', {'b': (1, 'x')}]
    """
    return _Replacing(replace).inside(value, form)


class _Replacing:
    def __init__(self, replace: Replace) -> None:
        self._replace = replace
        self._done: dict[tuple[int, Form], tuple[Any, Any]] = {}

    def inside(self, value: Any, form: Form) -> Any:
        """Return a value after all replacements in it."""
        new = self._replace(value, form)
        if new is not value:
            return new
        known = self._done.get((id(value), form))
        if known is not None:
            return known[1]
        self._done[id(value), form] = value, value  # for what contains itself
        made = self._made_anew(value, form)
        self._done[id(value), form] = value, made
        return made

    def _made_anew(self, value: Any, form: Form) -> Any:
        cls = type(value)
        if cls in _ITEMS or (isinstance(value, tuple) and hasattr(cls, "_fields")):
            return self._items(value, form)
        if cls in _PAIRS:
            return self._pairs(value, form)
        if cls is functools.partial:
            return self._partial(value, form)
        if cls is types.MethodType:
            owner = self.inside(value.__self__, form)
            return value if owner is value.__self__ else types.MethodType(value.__func__, owner)
        if is_record(value) or is_bag(value):
            return self._record(value)
        return value

    def _items(self, value: Any, form: Form) -> Any:
        cls = type(value)
        named = getattr(cls, "_fields", ())
        said = forms_of(cls) if named else {}
        forms = [said.get(name, form) for name in named] or [form] * len(value)
        items = [self.inside(each, own) for each, own in zip(value, forms, strict=True)]
        if all(old is new for old, new in zip(value, items, strict=True)):
            return value
        if cls is deque:
            return deque(items, maxlen=value.maxlen)
        return tuple.__new__(cls, items) if issubclass(cls, tuple) else cls(items)

    def _pairs(self, value: Mapping[Any, Any], form: Form) -> Any:
        pairs = [
            (self.inside(key, form), self.inside(each, form), key, each)
            for key, each in value.items()
        ]
        if all(new is each and now is key for now, new, key, each in pairs):
            return value
        made = {now: new for now, new, _, _ in pairs}
        if isinstance(value, defaultdict):
            return defaultdict(value.default_factory, made)
        return made if type(value) is dict else type(value)(made)  # type: ignore[call-arg]

    def _partial(self, value: "functools.partial[Any]", form: Form) -> Any:
        args, keywords = self.inside(value.args, form), self.inside(value.keywords, form)
        function = self.inside(value.func, form)
        if args is value.args and keywords is value.keywords and function is value.func:
            return value
        return functools.partial(function, *args, **keywords)

    def _record(self, value: Any) -> Any:
        forms = forms_of(type(value))
        kept = attributes_of(value)
        new = {name: self.inside(each, forms.get(name, Form.PATH)) for name, each in kept.items()}
        changes = {name: each for name, each in new.items() if each is not kept[name]}
        if not changes:
            return value
        if isinstance(value, BaseModel):
            private = type(value).__private_attributes__
            shown = {name: each for name, each in changes.items() if name not in private}
            return BaseModel.model_copy(value, update=shown)
        if type(value) is types.SimpleNamespace:
            return types.SimpleNamespace(**{**kept, **changes})
        return with_attributes(value, changes) if keeps_attributes_only(type(value)) else value
