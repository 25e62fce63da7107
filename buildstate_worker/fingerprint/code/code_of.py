"""The digest of all the code that a function reaches in the user's project."""

import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from buildstate_worker.fingerprint.code.files.project import Project
from buildstate_worker.fingerprint.code.opaque import opaque
from buildstate_worker.fingerprint.code.walk.classes import Classes
from buildstate_worker.fingerprint.code.walk.ledger import Place
from buildstate_worker.fingerprint.code.walk.objects import (
    file_of_function,
    file_of_module,
    innermost,
)
from buildstate_worker.fingerprint.code.walk.reach import Reach

_walking: Final = threading.RLock()


@dataclass(frozen=True)
class Code:
    """What a function reaches. It can be sent to another process, where there may be no source.

    Attributes:
        digest: Of all of it: 64 hexadecimal digits.
        parts: The digest of each function, class, module and datum, by its name.
        functions: The names of those that are functions.
    """

    digest: str
    parts: Mapping[str, str]
    functions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reached:
    """The code of a function, and the data of modules that it came by.

    Attributes:
        code: The code.
        places: Where the data is kept.
        project: What counted as the user's own.
        classes: Finds the user's own classes.
    """

    code: Code
    places: tuple[Place, ...]
    project: Project
    classes: Classes


def is_no_result(_: object) -> bool:
    """Return that an object is not counted elsewhere."""
    return False


def code_of(
    function: Callable[..., Any],
    *,
    called_with: Iterable[object] = (),
    is_result: Callable[[object], bool] = is_no_result,
) -> Code:
    """Return what a function reaches in the user's project, part by part.

    It is equal on every version of Python, in every folder and process, and wherever only the looks
    of the code differ. Installed packages do not count.

    Args:
        function: The function, or anything else that can be called.
        called_with: Arguments whose code counts too: functions, classes, and instances of the
            project's classes. Their values do not count here.
        is_result: Whether an object that is come by is counted elsewhere, as what another milestone
            returned.

    Raises:
        InvalidInput: Some of it cannot be seen (`opaque-code`), or is not what is on the disk any
            more (`code-changed-since-loaded`).
    """
    return reached_by(function, called_with=called_with, is_result=is_result).code


def reached_by(
    function: Callable[..., Any],
    *,
    called_with: Iterable[object] = (),
    is_result: Callable[[object], bool] = is_no_result,
) -> Reached:
    """Return the same, with the data of modules. As `code_of`."""
    # Walks share what was first seen of a container, and the files that were read.
    with _walking:
        project = _project_of(function)
        reach = Reach(project, is_result)
        try:
            first = [reach.values.text(function), *map(reach.code_of_argument, called_with)]
            reach.ledger.finish()
        except RecursionError:
            name = getattr(function, "__qualname__", type(function).__qualname__)
            raise opaque(name, "reaches data that is nested too deep") from None
    ledger = reach.ledger
    parts = dict(sorted(ledger.parts.items()))
    said = "\n".join([*first, *(f"{name}={digest}" for name, digest in parts.items())])
    code = Code(
        digest=sha256(said.encode()).hexdigest(),
        parts={ledger.for_people(name): digest for name, digest in parts.items()},
        functions=tuple(
            ledger.for_people(name) for name in sorted(ledger.names_of("function") & parts.keys())
        ),
    )
    return Reached(code, tuple(ledger.places.values()), project, reach.classes)


def _project_of(function: Any) -> Project:
    inner = innermost(function)
    if isinstance(inner, FunctionType):
        path, named = file_of_function(inner), inner.__globals__.get("__file__")
    else:
        cls = inner if isinstance(inner, type) else type(inner)
        module = sys.modules.get(cls.__module__)
        path, named = file_of_module(module), getattr(module, "__file__", None)
    if path is None:
        raise opaque(getattr(inner, "__qualname__", type(inner).__qualname__), "has no source")
    as_named = None if named is None else Path(named)
    is_alike = as_named is not None and as_named.name == path.name
    return Project(path, as_named if is_alike else None)
