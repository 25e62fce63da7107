"""What has no digest, and where in a parameter it is."""

from typing import NamedTuple, NoReturn

from buildstate_core.errors import InvalidInput
from buildstate_worker.fingerprint.params.classes import is_installed


class Place(NamedTuple):
    """Where in a parameter a value is.

    Attributes:
        param: The parameter's name, if this is the parameter itself.
        outer: What holds it otherwise.
        before, after: How the place is written, around what holds it.
    """

    param: str = ""
    outer: "Place | None" = None
    before: str = ""
    after: str = ""

    def item(self, key: object) -> "Place":
        """Return the place of an item by its index or key."""
        return Place(outer=self, after=f"[{_shown(key)}]")

    def attribute(self, name: str) -> "Place":
        """Return the place of an attribute."""
        return Place(outer=self, after=f".{name}")

    def part(self, what: str) -> "Place":
        """Return the place of what has neither index nor name: `a key`."""
        return Place(outer=self, before=f"{what} of ")

    @property
    def parameter(self) -> str:
        """The parameter's name."""
        return self.param if self.outer is None else self.outer.parameter

    def __str__(self) -> str:
        return self.param if self.outer is None else f"{self.before}{self.outer}{self.after}"


def refuse_type(value: object, place: Place) -> NoReturn:
    """Refuse a value that has no digest."""
    cls = type(value)
    name = cls.__qualname__
    full = name if cls.__module__ == "builtins" else f"{cls.__module__}.{name}"
    _refuse(f"{place} is of type {full}, which has no digest", value, place)


def refuse_cycle(value: object, place: Place) -> NoReturn:
    """Refuse a value that contains itself."""
    _refuse(f"{place} contains itself and has no digest", value, place)


def refuse_depth(value: object, place: Place) -> NoReturn:
    """Refuse a value that is nested deeper than Python can follow."""
    _refuse(f"{place} is nested too deeply to have a digest", value, place)


def _refuse(message: str, value: object, place: Place) -> NoReturn:
    cls, param = type(value), place.parameter
    owner = cls.__qualname__
    if is_installed(cls.__module__):
        owner = "a class of your own that holds it"
    raise InvalidInput(
        f"{message}, so that nobody could tell whether it has changed.",
        code="no-digest",
        field=param,
        hint=f'If it does not decide what comes out, leave it out: `ignore=["{param}"]`. Otherwise'
        f" give {owner} a method `__bldst_fingerprint__(self)` that returns what stands for it.",
    )


def _shown(key: object) -> str:
    """Return a key as it is written, if it is of a type that is short to write."""
    if isinstance(key, str):
        return f'"{key}"'
    return str(key) if isinstance(key, int) else "…"
