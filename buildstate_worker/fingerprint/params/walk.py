"""Through a value, to the digest of all that it holds."""

import types
from collections.abc import Callable, Mapping
from enum import Enum, Flag
from typing import Any, Final

from pydantic import (
    AnyUrl,
    MongoDsn,
    NatsDsn,
    PostgresDsn,
    Secret,
    SecretBytes,
    SecretStr,
)
from pydantic_core import MultiHostUrl, Url

from buildstate_worker.fingerprint.params.attributes import attributes_of, keeps_attributes_only
from buildstate_worker.fingerprint.params.classes import (
    is_bag,
    is_installed,
    is_named,
    is_of_project,
    is_record,
    name_of,
)
from buildstate_worker.fingerprint.params.containers import CONTAINERS
from buildstate_worker.fingerprint.params.nodes import (
    Node,
    Waiting,
    leaf,
    node,
    sealed,
)
from buildstate_worker.fingerprint.params.plain import PLAIN
from buildstate_worker.fingerprint.params.refusal import (
    Place,
    refuse_cycle,
    refuse_depth,
    refuse_type,
)

Code = Callable[[object], str]
"""Returns the digest of what a function or a class does."""

METHOD: Final = "__bldst_fingerprint__"
"""The method that returns what stands for an object."""

SECRETS: Final = (Secret, SecretBytes, SecretStr)
_LEFT_OUT: Final = leaf("secret")
_URLS: Final = (AnyUrl, MongoDsn, NatsDsn, PostgresDsn, MultiHostUrl, Url)
_RUNNABLE: Final = (type, types.FunctionType, types.BuiltinFunctionType)
_BASES: Final = PLAIN.keys() | CONTAINERS.keys()


class Walk:
    """A way through the values of one call. What is met twice is looked at once.

    Args:
        is_result: Whether a value is the result of a milestone, in whose place something else
            counts.
        code: Returns the digest of a function or a class. Without it they have none.
    """

    def __init__(self, *, is_result: Callable[[object], bool], code: Code | None) -> None:
        self._is_result = is_result
        self._code = code
        self._open: set[int] = set()
        self._known: dict[int, tuple[object, Node]] = {}

    def param(self, name: str, value: object) -> Node:
        """Return the digest of a parameter.

        Raises:
            InvalidInput: It, or something in it, has none.
        """
        place = Place(name)
        try:
            return self._look(value, place)
        except RecursionError:
            refuse_depth(value, place)

    def digest(self, value: object) -> bytes:
        """Return the digest of what stands for a result.

        Raises:
            InvalidInput: It has none.
        """
        return sealed(node("result", [self._look(value, Place("the result"))]), self.digest)

    def _look(self, value: object, place: Place) -> Node:
        if type(value) in PLAIN:
            return self._of_base(value, type(value), place)
        if self._is_result(value):
            return Waiting(value)
        if isinstance(value, SECRETS):
            return _LEFT_OUT
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        if id(value) in self._open:
            refuse_cycle(value, place)
        self._open.add(id(value))
        made = self._held(value, place)
        self._open.discard(id(value))
        self._known[id(value)] = value, made
        return made

    def _held(self, value: object, place: Place) -> Node:
        """Return the digest of a value by what it holds."""
        cls = type(value)
        if callable(getattr(cls, METHOD, None)):
            stands = getattr(cls, METHOD)(value)
            said = self._look(stands, place.attribute(f"{METHOD}()"))
            return node("stands for", [leaf("class", name_of(cls)), said])
        if isinstance(value, Enum):
            return self._member(value, place)
        if isinstance(value, _URLS):
            return leaf("url", cls.__qualname__, str(value))
        if isinstance(value, _RUNNABLE):
            return self._runnable(value, place)
        base = next((each for each in cls.__mro__ if each in _BASES), None)
        if base is not None:
            return self._derived(value, base, place)
        return self._object(value, place)

    def _member(self, value: Enum, place: Place) -> Node:
        name = "" if isinstance(value, Flag) else value.name
        held = self._look(value.value, place.attribute("value"))
        return node("enum", [self._class(type(value)), leaf("name", name), held])

    def _derived(self, value: object, base: type, place: Place) -> Node:
        """Return the digest of a value of a known type, or of a class that derives from it."""
        cls = type(value)
        held = self._of_base(value, base, place)
        kept = attributes_of(value, base=base)
        if cls is base and not kept:
            return held
        if not keeps_attributes_only(cls, base=base):
            refuse_type(value, place)
        named = leaf("fields", *getattr(cls, "_fields", ()))
        return node("derived", [self._class(cls), named, held, self._attributes(kept, place)])

    def _of_base(self, value: object, base: type, place: Place) -> Node:
        if base in CONTAINERS:
            kind, parts = CONTAINERS[base]
            return node(kind, parts(value, place, self._look))
        kind, describe = PLAIN[base]
        texts = describe(value)
        if texts is None:
            refuse_type(value, place)
        return leaf(kind, *texts)

    def _object(self, value: object, place: Place) -> Node:
        """Return the digest of an object that is what its attributes are."""
        cls = type(value)
        if not is_bag(value):
            is_known = is_record(value) or is_of_project(cls)
            if not is_known or not keeps_attributes_only(cls):
                refuse_type(value, place)
        return node("object", [self._class(cls), self._attributes(attributes_of(value), place)])

    def _attributes(self, kept: Mapping[str, object], place: Place) -> Node:
        pairs = [
            node("attribute", [leaf("name", name), self._look(each, place.attribute(name))])
            for name, each in kept.items()
        ]
        return node("attributes", pairs, is_ordered=False)

    def _class(self, cls: type) -> Node:
        """Return the digest of a value's class: what its methods do counts, too."""
        if self._code is None or is_installed(cls.__module__):
            return leaf("class", name_of(cls))
        return leaf("class", name_of(cls), self._code(cls))

    def _runnable(self, value: Any, place: Place) -> Node:
        """Return the digest of a function or a class."""
        if is_named(value):
            return leaf("named", name_of(value))
        if self._code is None or isinstance(value, types.BuiltinFunctionType):
            refuse_type(value, place)
        return leaf("code", name_of(value), self._code(value))
