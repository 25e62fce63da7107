"""What a class is called, and whose it is."""

import argparse
import dataclasses
import sys
from collections import ChainMap, UserDict, UserList, UserString
from pathlib import PurePath
from types import SimpleNamespace
from typing import Any, Final

from pydantic import BaseModel

_OURS: Final = frozenset(
    {"buildstate_api", "buildstate_cli", "buildstate_core", "buildstate_flows", "buildstate_worker"}
)
_STANDARD: Final = PurePath(dataclasses.__file__).parent
_PACKAGES: Final = frozenset({"site-packages", "dist-packages"})

_BAGS: Final = frozenset(
    {SimpleNamespace, argparse.Namespace, ChainMap, UserDict, UserList, UserString}
)


def is_standard(module: str) -> bool:
    """Return whether a module is of Python itself, and not a project's own of the same name."""
    file = _file_of(module)
    is_there = file is None or _STANDARD in PurePath(file).parents
    return _top(module) in sys.stdlib_module_names and is_there


def is_installed(module: str) -> bool:
    """Return whether a module is of Python or of an installed package, not of the project."""
    if module == "__main__":  # even if a package's command has loaded the pipeline as that
        return False
    if is_standard(module) or _top(module) in _OURS:
        return True
    file = _file_of(module)
    return file is not None and not _PACKAGES.isdisjoint(PurePath(file).parts)


def name_of(item: Any) -> str:
    """Return what a class or a function is called, wherever its file is.

    The modules of a project are left out: one file is `__main__`, `flow` or `pipelines.flow`, as it
    was started. Of others the package counts: where in it a name is defined is the package's own
    business, and not the same in two releases.
    """
    if is_installed(item.__module__):
        return f"{_top(item.__module__).lstrip('_')}.{item.__qualname__}"
    return str(item.__qualname__)


def is_named(item: Any) -> bool:
    """Return whether something of Python's own is found by its name in its module."""
    module, name = getattr(item, "__module__", None), getattr(item, "__qualname__", None)
    if not isinstance(module, str) or not isinstance(name, str) or not is_standard(module):
        return False
    found: Any = sys.modules.get(module)
    for each in name.split("."):
        found = getattr(found, each, None)
    return found is item


def is_record(value: object) -> bool:
    """Return whether a value's class says which attributes it has: a dataclass, a model, attrs."""
    cls = type(value)
    return dataclasses.is_dataclass(cls) or isinstance(value, BaseModel) or _is_attrs(cls)


def is_bag(value: object) -> bool:
    """Return whether a value is of a class of Python's own that only keeps what it was given."""
    return type(value) in _BAGS


def is_of_project(cls: type) -> bool:
    """Return whether all of a class is the project's, but what Python itself gives."""
    return not is_installed(cls.__module__) and all(
        is_standard(each.__module__) or not is_installed(each.__module__) for each in cls.__mro__
    )


def _is_attrs(cls: type) -> bool:
    return "__attrs_attrs__" in cls.__dict__


def _file_of(module: str) -> str | None:
    file = getattr(sys.modules.get(module), "__file__", None)
    return file if isinstance(file, str) else None


def _top(module: str) -> str:
    return module.partition(".")[0]
