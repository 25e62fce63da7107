"""Calls by which a function reaches code that cannot be seen."""

import ast
import builtins
import importlib
import importlib.util
import runpy
from typing import Any, Final

_RUN_TEXT: Final = frozenset({"eval", "exec"})
_IMPORT: Final = frozenset({"__import__", "importlib.import_module", "runpy.run_module"})
_LOAD: Final = frozenset({"runpy.run_path", "importlib.util.spec_from_file_location"})
_TAKE: Final = frozenset({"getattr"})
_GLOBALS: Final = frozenset({"globals"})

_BY_OBJECT: Final[dict[int, str]] = {
    id(builtins.eval): "eval",
    id(builtins.exec): "exec",
    id(builtins.__import__): "__import__",
    id(builtins.getattr): "getattr",
    id(builtins.globals): "globals",
    id(importlib.import_module): "importlib.import_module",
    id(importlib.util.spec_from_file_location): "importlib.util.spec_from_file_location",
    id(runpy.run_module): "runpy.run_module",
    id(runpy.run_path): "runpy.run_path",
}


def known_name(value: object) -> str | None:
    """Return the full name of a function that may reach code that cannot be seen."""
    return _BY_OBJECT.get(id(value))


def runs_text(name: str | None) -> bool:
    """Return whether a function runs a text as Python."""
    return name is not None and name.removeprefix("builtins.") in _RUN_TEXT


def looks_up_globals(name: str | None) -> bool:
    """Return whether a function gives all names of the module that it is called in."""
    return name in _GLOBALS


def module_imported(name: str | None, call: ast.Call) -> str | None:
    """Return the module that a call imports, if it is one that says its name.

    A name that begins with a dot is relative to the package of the caller.
    """
    given = _constant(call, 0, "name")
    return given if name in _IMPORT and isinstance(given, str) else None


def why_opaque(name: str | None, call: ast.Call) -> str | None:
    """Return why a call hides what is reached, as a sentence's end, or `None`."""
    if runs_text(name):
        return f"calls {name}"
    if looks_up_globals(name):
        return "looks names up in globals()"
    if name in _LOAD or (name in _IMPORT and module_imported(name, call) is None):
        return f"imports by a computed name, with {name}"
    return None


def takes_attribute(name: str | None) -> bool:
    """Return whether a function takes an attribute by its name."""
    return name in _TAKE


def attribute_taken(call: ast.Call) -> str | None:
    """Return the attribute that a call of `getattr` takes, if it says its name."""
    given = _constant(call, 1, "")
    return given if isinstance(given, str) else None


def _constant(call: ast.Call, at: int, keyword: str) -> Any:
    given = call.args[at : at + 1] or [each.value for each in call.keywords if each.arg == keyword]
    first = given[0] if given else None
    return first.value if isinstance(first, ast.Constant) else None
