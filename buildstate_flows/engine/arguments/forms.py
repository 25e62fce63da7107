"""In which form a function, or a field of a class, takes an artifact."""

import types
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from buildstate_flows.artifact import Artifact


class Form(Enum):
    """In which form a parameter takes an artifact."""

    PATH = "a pathlib.Path to a private copy"
    TEXT = "the same as a string"
    LAZY = "the Artifact itself, which is downloaded when it is read"


def forms_of(function: Callable[..., Any]) -> dict[str, Form]:
    """Return the form in which each annotated parameter, or field of a class, takes an artifact.

    `Artifact` anywhere in the annotation leaves it lazy, `str` without `Path` makes it a string;
    everything else is a path. That holds inside lists, tuples and the values of dicts, too.

    >>> from pathlib import Path
    >>> def f(a: Path, b: list[str], c: "Artifact | None", d: dict[str, Path], e=None): ...
    >>> [form.name for form in forms_of(f).values()]
    ['PATH', 'TEXT', 'LAZY', 'PATH']
    """
    hints = _hints_of(function)
    hints.pop("return", None)
    return {name: _form_of(set(_leaves(hint))) for name, hint in hints.items()}


def leaves_files(function: Callable[..., Any]) -> bool:
    """Return whether a function is annotated to return files and nothing else.

    >>> from pathlib import Path
    >>> def one() -> dict[str, Path]: ...
    >>> def maybe() -> Path | None: ...
    >>> leaves_files(one), leaves_files(maybe), leaves_files(lambda: Path())
    (True, False, False)
    """
    returned = set(_leaves(_hints_of(function).get("return")))
    return all(isinstance(each, type) and issubclass(each, Path | Artifact) for each in returned)


def _hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function)
    except Exception:  # noqa: BLE001 - a name that only type checkers see, or anything else
        return {}


def _form_of(leaves: set[Any]) -> Form:
    if Artifact in leaves:
        return Form.LAZY
    is_text = str in leaves and not any(
        isinstance(each, type) and hasattr(each, "__fspath__") for each in leaves
    )
    return Form.TEXT if is_text else Form.PATH


def _leaves(hint: Any) -> Iterator[Any]:
    """Yield the types that a value may be of, without the containers around them."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is None or hasattr(origin, "__fspath__"):
        yield origin or hint
    elif origin is Annotated:
        yield from _leaves(arguments[0])
    elif origin in {Union, types.UnionType}:
        for each in arguments:
            yield from _leaves(each)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield from _leaves(arguments[-1])
    else:
        for each in arguments:
            yield from _leaves(each)
