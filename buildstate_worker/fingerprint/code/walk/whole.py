"""Modules that count whole: what is imported inside of a function, or handed on as a module."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Final

from buildstate_worker.fingerprint.code.files.imports import files_imported, files_of
from buildstate_worker.fingerprint.code.files.project import Project
from buildstate_worker.fingerprint.code.files.source import SourceFile, find_definition, source_of
from buildstate_worker.fingerprint.code.opaque import opaque
from buildstate_worker.fingerprint.code.tree.calls import (
    looks_up_globals,
    module_imported,
    why_opaque,
)
from buildstate_worker.fingerprint.code.tree.canonical import canonical
from buildstate_worker.fingerprint.code.tree.references import References, references_of
from buildstate_worker.fingerprint.code.tree.scopes import runs_only_as_script
from buildstate_worker.fingerprint.code.walk.ledger import Ledger
from buildstate_worker.fingerprint.code.walk.objects import file_of_module, is_extension

_ONLY_FOR_TYPES: Final = "TYPE_CHECKING"


class WholeModules:
    """Adds modules as parts, each with those that it imports."""

    def __init__(self, project: Project, ledger: Ledger) -> None:
        self._project = project
        self._ledger = ledger

    def add(self, path: Path, wanted_by: str, loaded: ModuleType | None = None) -> str:
        """Return the name of the part for a module.

        Args:
            path: Its file.
            wanted_by: What imports it, for the error.
            loaded: The module, if it is loaded; it is compared with the file then.

        Raises:
            InvalidInput: It is no Python, or reaches what cannot be seen.
        """
        found = self._ledger.name_of(path)
        if found is not None:
            return found
        file = None if is_extension(path) else source_of(path)
        if file is None:
            raise opaque(wanted_by, f"uses {path.name}, which is no Python source")
        if loaded is None:
            named = sys.modules.get(file.name)
            loaded = named if file_of_module(named) == path else None
        for each in list(vars(loaded).values()) if loaded is not None else ():
            if isinstance(each, FunctionType) and each.__globals__ is vars(loaded):
                find_definition(each, path)
        name = f"{file.name} (module)"
        return self._ledger.add(path, name, lambda: self._text(file))

    def imported(
        self, node: ast.Import | ast.ImportFrom, path: Path, wanted_by: str
    ) -> Iterator[str]:
        """Yield the names of the parts for what an import in a file runs."""
        for each in files_imported(node, path, self._project):
            yield self.add(each, wanted_by)

    def named(self, name: str, path: Path, wanted_by: str) -> Iterator[str]:
        """Yield the names of the parts for a module by its name, relative ones with dots."""
        level = len(name) - len(name.lstrip("."))
        if level:
            inner = name.lstrip(".")
            node = ast.ImportFrom(module=inner, names=[], level=level)
            yield from self.imported(node, path, wanted_by)
            return
        for each in files_of(name, self._project):
            yield self.add(each, wanted_by)

    def _text(self, file: SourceFile) -> Iterator[str]:
        tree = _as_imported(file.tree)
        yield canonical(tree)
        found = references_of(tree)
        for node in found.imports:
            yield from self.imported(node, file.path, file.name)
        for name, call in [*_calls_by_name(found), *found.local_calls]:
            # Its own names are all counted, computed or not.
            why = None if looks_up_globals(name) else why_opaque(name, call)
            if why is not None:
                raise opaque(file.name, why)
            module = module_imported(name, call)
            if module is not None:
                yield from self.named(module, file.path, file.name)


def _calls_by_name(found: References) -> Iterator[tuple[str, ast.Call]]:
    for (first, *rest), made in found.calls.items():
        for each in made:
            yield ".".join((found.imported.get(first, first), *rest)), each.node


def _as_imported(tree: ast.Module) -> ast.Module:
    """Return a module without what does not run when it is imported."""
    body: list[ast.stmt] = []
    for each in tree.body:
        never = isinstance(each, ast.If) and _is_never_true(each.test)
        body += each.orelse if isinstance(each, ast.If) and never else [each]
    return ast.Module(body=body, type_ignores=[])


def _is_never_true(test: ast.expr) -> bool:
    if isinstance(test, ast.Name | ast.Attribute):
        return (test.id if isinstance(test, ast.Name) else test.attr) == _ONLY_FOR_TYPES
    return runs_only_as_script(test)
