"""A source file, read once in a process: its definitions, and the code that it compiles to."""

import ast
import linecache
import threading
import warnings
from collections.abc import Iterator
from functools import cached_property
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

from buildstate_core.errors import InvalidInput
from buildstate_worker.fingerprint.code.files.loaded import signature
from buildstate_worker.fingerprint.code.files.project import module_name
from buildstate_worker.fingerprint.code.opaque import changed
from buildstate_worker.fingerprint.code.tree.canonical import canonical
from buildstate_worker.fingerprint.code.tree.references import References, references_of
from buildstate_worker.fingerprint.code.tree.scopes import (
    class_scope,
    names_bound_by,
    runs_only_as_script,
)

_TOOLS: Final = frozenset({"buildstate_flows", "prefect"})
"""What their decorators were given is no code: it is recorded elsewhere, or decides nothing."""

_DEFINES: Final = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_LEAVES: Final = (ast.Name, ast.Constant, ast.expr_context, ast.operator)
_Node = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef


class Definition:
    """One function, lambda or class in a source file.

    Attributes:
        node: Its tree.
        qualname: Its name in the module, as Python would say it.
        parent: The one that it is directly inside of.
    """

    def __init__(self, node: _Node, parent: "Definition | None") -> None:
        self.node = node
        self.parent = parent
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        if parent is None:
            self.qualname = name
        elif isinstance(parent.node, ast.ClassDef):
            self.qualname = f"{parent.qualname}.{name}"
        else:
            self.qualname = f"{parent.qualname}.<locals>.{name}"

    @cached_property
    def text(self) -> str:
        """What it does, equal on every version of Python."""
        return canonical(self.node)

    @cached_property
    def references(self) -> References:
        """What it refers to."""
        return references_of(self.node, is_method=self.is_method)

    @property
    def is_method(self) -> bool:
        """Whether its first parameter is an instance or a class."""
        if self.parent is None or not isinstance(self.parent.node, ast.ClassDef):
            return False
        decorators = getattr(self.node, "decorator_list", [])
        return not any(getattr(each, "id", "") == "staticmethod" for each in decorators)

    @cached_property
    def names(self) -> set[str]:
        """The names that it binds, if it is a class."""
        return class_scope(self.node).bound if isinstance(self.node, ast.ClassDef) else set()

    def around(self) -> "Iterator[Definition]":
        """Yield those that it is inside of, from the innermost."""
        around = self.parent
        while around is not None:
            yield around
            around = around.parent


class SourceFile:
    """A file of Python as it was when this process first asked for it.

    Attributes:
        path: The file.
        name: What its module is called.
        text: Its text.
        tree: It, without the decorators of BuildState and Prefect and those above them.
    """

    def __init__(self, path: Path, text: bytes, name: str) -> None:
        self.path = path
        self.name = name
        self.text = text
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.tree = ast.parse(text)
            self._code = compile(self.tree, str(path), "exec", dont_inherit=True)
        self._known: dict[int, tuple[CodeType, Definition]] = {}
        self._definitions: dict[tuple[str, int], list[Definition]] = {}
        self.classes: dict[str, list[Definition]] = {}
        self._index()

    @cached_property
    def bindings(self) -> dict[str, list[ast.stmt]]:
        """The statements of the module that bind each of its names."""
        found: dict[str, list[ast.stmt]] = {}
        for statement in _statements(self.tree.body):
            if isinstance(statement, _DEFINES):
                names = {statement.name}
            else:
                names = {name for node in ast.walk(statement) for name in names_bound_by(node)}
            for name in names:
                found.setdefault(name, []).append(statement)
        return found

    def imports_of(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield the modules that a name is imported from by their full names, with what it is."""
        for statement in self.bindings.get(name, ()):
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                continue
            for each in statement.names:
                if name != (each.asname or each.name.partition(".")[0]):
                    continue
                if isinstance(statement, ast.Import):
                    yield each.name, each.name
                elif not statement.level:
                    yield statement.module or "", f"{statement.module}.{each.name}"

    def assignments_of(self, name: str) -> Iterator[ast.stmt]:
        """Yield the statements of the module that give a name its value."""
        for each in self.bindings.get(name, ()):
            if not isinstance(each, _DEFINES | ast.Import | ast.ImportFrom):
                yield each

    def effects_on(self, name: str) -> Iterator[ast.stmt]:
        """Yield the statements of the module that do something with what a name stands for."""
        for each in self._effects:
            if any(_root_of(target) == name for target in _targets_of(each)):
                yield each

    @cached_property
    def _effects(self) -> list[ast.stmt]:
        return [each for each in _statements(self.tree.body) if _targets_of(each)]

    def defines(self, name: str) -> bool:
        """Return whether a name is bound by a definition, which a decorator may have replaced."""
        return any(isinstance(each, _DEFINES) for each in self.bindings.get(name, ()))

    def definition_of(self, function: FunctionType) -> Definition:
        """Return where a function is defined.

        Raises:
            InvalidInput: The file has changed since the function was loaded.
        """
        wanted = function.__code__
        known = self._known.get(id(wanted))
        if known is None:
            known = self._known[id(wanted)] = wanted, self._find(function)
        return known[1]

    def _find(self, function: FunctionType) -> Definition:
        wanted = function.__code__
        same = [each for each in self._codes.get(wanted.co_qualname, ()) if _is_same(each, wanted)]
        if not same and not _was_compiled_as_written(function):
            same = [wanted]
        if len(same) > 1:
            # Of two with the same code the one at the same place, if lines did not move.
            same.sort(key=lambda each: list(each.co_positions()) != list(wanted.co_positions()))
        found = self._definition_at(same[0]) if same else None
        if found is None:
            raise changed(self.path, wanted.co_qualname)
        return found

    @cached_property
    def _codes(self) -> dict[str, list[CodeType]]:
        found: dict[str, list[CodeType]] = {}
        todo = [self._code]
        while todo:
            code = todo.pop(0)
            found.setdefault(code.co_qualname, []).append(code)
            todo.extend(each for each in code.co_consts if isinstance(each, CodeType))
        return found

    def _definition_at(self, code: CodeType) -> Definition | None:
        here = self._definitions.get((code.co_name, code.co_firstlineno), [])
        if len(here) == 1:
            return here[0]
        # Lambdas on one line; of one in another both have the inner one's places.
        holding = [each for each in here if _holds(each.node, code)]
        if holding or not here:
            return holding[-1] if holding else None
        # Python may run without columns (`-X no_debug_ranges`); then their order tells.
        alike = [
            each
            for codes in self._codes.values()
            for each in codes
            if (each.co_name, each.co_firstlineno) == (code.co_name, code.co_firstlineno)
        ]
        at = next((at for at, each in enumerate(alike) if each is code), 0)
        return here[at] if at < len(here) else here[0]

    def _index(self) -> None:
        tools: set[str] = set()
        decorated: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
        todo: list[tuple[ast.AST, Definition | None]] = [(self.tree, None)]
        for node, parent in todo:
            if isinstance(node, _LEAVES):
                continue
            inside = parent
            if isinstance(node, _Node):
                inside = Definition(node, parent)
                self._add(inside)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.decorator_list:
                decorated.append(node)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                tools |= _tools_bound_by(node)
            todo += [(each, inside) for each in ast.iter_child_nodes(node)]
        for function in decorated:
            of_tools = [
                at for at, each in enumerate(function.decorator_list) if _root_of(each) in tools
            ]
            if of_tools:
                del function.decorator_list[: of_tools[-1] + 1]

    def _add(self, found: Definition) -> None:
        node = found.node
        if isinstance(node, ast.ClassDef):
            self.classes.setdefault(found.qualname, []).append(found)
            return
        name = "<lambda>" if isinstance(node, ast.Lambda) else node.name
        lines = [node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]
        self._definitions.setdefault((name, min(lines)), []).append(found)


_read: Final[dict[str, SourceFile | None]] = {}
_lock: Final = threading.RLock()


def source_of(path: Path) -> SourceFile | None:
    """Return a source file as it was when first asked for, or `None` if it cannot be read.

    Args:
        path: The file; or what stands for one in an interactive session that keeps its text.
    """
    with _lock:
        if str(path) not in _read:
            _read[str(path)] = _read_now(path)
        return _read[str(path)]


def find_definition(function: FunctionType, path: Path) -> tuple[SourceFile, Definition] | None:
    """Return where a function is defined, or `None` if the file cannot be read.

    Raises:
        InvalidInput: The file has changed since the function was loaded.
    """
    file = source_of(path)
    if file is None:
        return None
    try:
        return file, file.definition_of(function)
    except InvalidInput:
        # The module may have been loaded anew since the file was read.
        newest = _read_now(path)
        if newest is None or newest.text == file.text:
            raise
        found = newest.definition_of(function)
        with _lock:
            _read[str(path)] = newest
        return newest, found


def _read_now(path: Path) -> SourceFile | None:
    try:
        return SourceFile(path, path.read_bytes(), module_name(path))
    except OSError:
        lines = linecache.getlines(str(path))
    except (SyntaxError, ValueError):
        return None
    try:
        # What a session calls its pieces of text differs each time.
        return SourceFile(path, "".join(lines).encode(), "__main__") if lines else None
    except (SyntaxError, ValueError):
        return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the simple statements of a module, also those in its `if` and `try`."""
    for each in body:
        if isinstance(each, ast.If) and runs_only_as_script(each.test):
            # What it binds may be used all the same, but in a script alone.
            yield from (found for found in _statements(each.body) if not _targets_of(found))
            yield from _statements(each.orelse)
            continue
        inner = [getattr(each, name, None) for name in ("body", "orelse", "finalbody")]
        handlers = getattr(each, "handlers", [])
        is_block = isinstance(each, ast.If | ast.Try | ast.With | ast.For | ast.While)
        if not is_block:
            yield each
            continue
        if isinstance(each, ast.With | ast.For):
            yield each
        for block in [*inner, *(handler.body for handler in handlers)]:
            yield from _statements(block or [])


def _is_same(code: CodeType, wanted: CodeType) -> bool:
    return signature(code) == signature(wanted)


def _was_compiled_as_written(function: FunctionType) -> bool:
    """Return whether nothing changed the code on its way, as pytest does for its assertions."""
    loader: Any = function.__globals__.get("__loader__")
    return loader is None or type(loader) is SourceFileLoader


def _holds(node: ast.AST, code: CodeType) -> bool:
    """Return whether a lambda's body has all the places of a code object."""
    body = getattr(node, "body", None)
    if not isinstance(body, ast.expr):
        return False
    begin, end = (body.lineno, body.col_offset), (body.end_lineno, body.end_col_offset)
    places = [
        ((line, column), (end_line, end_column))
        for line, end_line, column, end_column in code.co_positions()
        if column is not None and (column, end_column) != (0, 0)
    ]
    return bool(places) and all(begin <= first and last <= end for first, last in places)


def _tools_bound_by(node: ast.Import | ast.ImportFrom) -> set[str]:
    """Return the names by which an import gives BuildState and Prefect."""
    if isinstance(node, ast.ImportFrom):
        return names_bound_by(node) if (node.module or "").partition(".")[0] in _TOOLS else set()
    of_tools = [each for each in node.names if each.name.partition(".")[0] in _TOOLS]
    return names_bound_by(ast.Import(names=of_tools))


def _targets_of(statement: ast.stmt) -> list[ast.expr]:
    """Return what a statement changes that it does not bind."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return [statement.value]
    targets: list[ast.expr] = getattr(statement, "targets", [getattr(statement, "target", None)])
    return [each for each in targets if isinstance(each, ast.Attribute | ast.Subscript)]


def _root_of(node: ast.expr) -> str:
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return getattr(node, "id", "")
