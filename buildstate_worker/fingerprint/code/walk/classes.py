"""Which classes are the user's own, and where they are written."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

from buildstate_worker.fingerprint.code.files.project import Project
from buildstate_worker.fingerprint.code.files.source import SourceFile, source_of
from buildstate_worker.fingerprint.code.opaque import opaque
from buildstate_worker.fingerprint.code.walk.objects import (
    file_of_function,
    file_of_module,
    is_extension,
)


class Classes:
    """Finds the modules of classes, also of a module that is not registered by its name.

    A class knows no more than its module's name, and a script that a worker loads by its path may
    be registered for a moment only, or under the name of another one.
    """

    def __init__(self, project: Project) -> None:
        """Keep which files are the user's own."""
        self._project = project
        self._known: dict[int, tuple[type, bool]] = {}
        self._modules: dict[str, tuple[Path, Mapping[str, Any]]] = {}

    def note(self, namespace: Mapping[str, Any], path: Path) -> None:
        """Keep the names and the file of a module that a function of the project is in."""
        self._modules.setdefault(str(namespace.get("__name__")), (path, namespace))

    def is_own(self, cls: type) -> bool:
        """Return whether a class is the user's own."""
        if cls.__module__ == "builtins":
            return False
        known = self._known.get(id(cls))
        if known is None:
            path, _ = self._home_of(cls)
            # In an interactive session there may be no file.
            is_own = cls.__module__ == "__main__" if path is None else self._project.has(path)
            known = self._known[id(cls)] = cls, is_own
        return known[1]

    def source_of(self, cls: type) -> SourceFile:
        """Return the source file of a class that is the user's own.

        Raises:
            InvalidInput: It has none.
        """
        path, _ = self._home_of(cls)
        file = None if path is None or is_extension(path) else source_of(path)
        if file is None:
            raise opaque(cls.__qualname__, "has no source")
        return file

    def namespace_of(self, cls: type) -> Mapping[str, Any]:
        """Return the names of the module that a class is in."""
        return self._home_of(cls)[1]

    def _home_of(self, cls: type) -> tuple[Path | None, Mapping[str, Any]]:
        noted = self._modules.get(cls.__module__)
        if noted is not None:
            return noted
        module = sys.modules.get(cls.__module__)
        path = file_of_module(module)
        if module is not None and path is not None:
            return path, vars(module)
        for each in vars(cls).values():
            path = file_of_function(each) if isinstance(each, FunctionType) else None
            if path is not None:
                return path, each.__globals__
        return None, {}
