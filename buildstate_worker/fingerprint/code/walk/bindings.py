"""Where names are bound: in which module's source, and around which function."""

import ast
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from buildstate_worker.fingerprint.code.files.project import Project
from buildstate_worker.fingerprint.code.files.source import Definition, SourceFile, source_of
from buildstate_worker.fingerprint.code.walk.objects import file_of_module
from buildstate_worker.fingerprint.code.walk.resolve import MISSING


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What the names in a piece of code stand for.

    Attributes:
        name: What the piece is called, for messages.
        file: Its source.
        namespace: The names of its module.
        cells: The variables that it has from functions around it.
        definition: It, if it is a function.
    """

    name: str
    file: SourceFile
    namespace: Mapping[str, Any]
    cells: Mapping[str, object] = field(default_factory=dict)
    definition: Definition | None = None

    def value_of(self, name: str) -> object:
        """Return what a name stands for, or `MISSING`."""
        return self.cells[name] if name in self.cells else self.namespace.get(name, MISSING)

    def of_module(self) -> "Frame":
        """Return that of the module's own statements."""
        return replace(self, cells={}, definition=None)


def frame_of_module(module: ModuleType, project: Project) -> Frame | None:
    """Return the frame of a module of the project, or `None` if it is none."""
    path = file_of_module(module)
    file = source_of(path) if path is not None and project.has(path) else None
    return None if file is None else Frame(name=file.name, file=file, namespace=vars(module))


def home_of(name: str, value: object, frame: Frame, project: Project) -> tuple[Frame, str]:
    """Return the module that a datum is made in, and its name there, if it was imported."""
    seen: set[tuple[object, str]] = set()
    while (frame.file.path, name) not in seen:
        seen.add((frame.file.path, name))
        bindings = frame.file.bindings
        for statement in bindings.get(name) or bindings.get("*") or ():
            if not isinstance(statement, ast.ImportFrom):
                continue
            origins = (e.name for e in statement.names if (e.asname or e.name) in {name, "*"})
            origin = next((name if each == "*" else each for each in origins), name)
            module = sys.modules.get(module_named(statement, frame.namespace))
            inner = None if module is None else frame_of_module(module, project)
            if inner is not None and inner.namespace.get(origin, MISSING) is value:
                frame, name = inner, origin
                break
    return frame, name


def module_named(statement: ast.ImportFrom, namespace: Mapping[str, Any]) -> str:
    """Return the full name of the module that an import in a loaded module is from."""
    module = statement.module or ""
    if not statement.level:
        return module
    package = str(namespace.get("__package__") or "").split(".")
    return ".".join([*package[: len(package) - statement.level + 1], *filter(None, [module])])
