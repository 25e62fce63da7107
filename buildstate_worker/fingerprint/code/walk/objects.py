"""What kinds of objects hold code, and where their files are."""

import functools
import linecache
import sys
from collections.abc import Iterator
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import (
    BuiltinFunctionType,
    BuiltinMethodType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, Final

from buildstate_worker.fingerprint.code.files.project import Project, real

BUILT_IN: Final = (
    BuiltinFunctionType, BuiltinMethodType, MethodWrapperType,
    MethodDescriptorType, ClassMethodDescriptorType, WrapperDescriptorType,
)  # fmt: skip
_HOLD_CODE: Final = (
    FunctionType, MethodType, type, functools.partial, functools.partialmethod, property,
    staticmethod, classmethod, functools.cached_property, functools.singledispatchmethod,
)  # fmt: skip
_TOOLS: Final = frozenset({"buildstate_flows", "prefect"})


def file_of_function(function: FunctionType) -> Path | None:
    """Return the file that a function was written in, or `None` if there is none to be read.

    In an interactive session it is the name by which Python keeps the text.
    """
    name = function.__code__.co_filename
    return _file_named(name, str(function.__globals__.get("__file__") or name))


@cache
def _file_named(name: str, of_module: str) -> Path | None:
    if name.startswith("<"):
        return Path(name) if linecache.getlines(name) else None
    if not Path(name).is_absolute() and Path(of_module).name == Path(name).name:
        # A script's code has the name that it was started by, from a folder of that time.
        name = of_module
    path = real(name)
    return path if path.is_file() or linecache.getlines(name) else None


def file_of_module(module: ModuleType | None) -> Path | None:
    """Return the file of a module, or `None` if it has none."""
    name = getattr(module, "__file__", None)
    return real(name) if isinstance(name, str) else None


def is_extension(path: Path) -> bool:
    """Return whether a file is a module in C."""
    return path.name.endswith(tuple(EXTENSION_SUFFIXES))


def is_own_function(function: FunctionType, project: Project) -> bool:
    """Return whether a function is the user's own; so is one that was typed in or executed."""
    path = file_of_function(function)
    if path is not None and path.is_absolute():
        return project.has(path)
    name = function.__code__.co_filename
    if name.startswith("<frozen ") or "__wrapped__" in vars(function):
        # The second was generated around another one, which is followed.
        return False
    home = file_of_module(sys.modules.get(str(function.__globals__.get("__name__"))))
    return home is None or project.has(home)


def function_of_tool(value: object) -> object | None:
    """Return the function of a milestone, or of a task or flow of Prefect."""
    if not any(_is_of_tool(cls.__module__) for cls in type(value).__mro__):
        return None
    function: object = attributes(value).get("fn")
    if isinstance(function, FunctionType) and _is_of_tool(str(function.__globals__["__name__"])):
        # A milestone's records; the user's own is inside.
        function = attributes(function).get("__wrapped__", function)
    return function


def _is_of_tool(module: str) -> bool:
    return module.partition(".")[0] in _TOOLS


def parts_of(value: Any) -> tuple[object, ...] | None:
    """Return what an object of Python that holds functions is made of, or `None`."""
    if isinstance(value, functools.partial | functools.partialmethod):
        return value.func, value.args, value.keywords
    if isinstance(value, property):
        return value.fget, value.fset, value.fdel
    if isinstance(value, staticmethod | classmethod):
        return (value.__func__,)
    if isinstance(value, functools.cached_property):
        return (value.func,)
    if isinstance(value, functools.singledispatchmethod):
        return (value.dispatcher,)
    return None


def held_by_installed(value: Any) -> Iterator[object]:
    """Yield what an installed wrapper may call: what it wraps, and the rest of what it holds."""
    held = attributes(value)
    if isinstance(value, FunctionType):
        if "dispatch" in held and "registry" in held:
            for cls in sorted(held["registry"], key=lambda each: str(each.__qualname__)):
                yield cls
                yield held["registry"][cls]
        yield from (content for _, content in cells_of(value))
    yield from (held[name] for name in sorted(held))


def attributes(value: object) -> dict[str, Any]:
    """Return what is in an object's `__dict__`, without running any code of it."""
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return {name: held[name] for name in held if isinstance(name, str)} if held else {}


def cells_of(function: FunctionType) -> Iterator[tuple[str, object]]:
    """Yield the names and contents of the variables that a function has from around it."""
    cells = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:
            continue  # It is not assigned yet.


def is_code(value: object) -> bool:
    """Return whether an object is certainly code, and no data."""
    return isinstance(value, _HOLD_CODE) or "__wrapped__" in attributes(value)


def innermost(value: Any) -> object:
    """Return the function that wrappers, methods and partials are around."""
    seen: set[int] = set()
    while id(value) not in seen:
        seen.add(id(value))
        tool = function_of_tool(value)
        if tool is not None:
            value = tool
        elif isinstance(value, MethodType | staticmethod | classmethod):
            value = value.__func__
        elif isinstance(value, functools.partial):
            value = value.func
        elif "__wrapped__" in attributes(value):
            value = value.__wrapped__
    return value
