"""One text for a piece of Python, equal on every version: what it does, not how it is written.

`ast.dump` and `ast.unparse` differ between versions, and bytecode between all of them. So this is a
walk of our own, which leaves out what changes nothing: positions, contexts, docstrings and other
constants that stand alone, `pass`, type parameters, and annotations outside of a class's fields.
"""

import ast
from functools import cache
from typing import Any, Final

Definition = ast.FunctionDef | ast.AsyncFunctionDef

_LEFT_OUT: Final = frozenset(
    {"ctx", "kind", "type_comment", "type_ignores", "type_params", "simple", "returns"}
)
_READ_ANNOTATIONS: Final = frozenset(
    {"beartype", "callback", "command", "register", "typechecked", "validate_call"}
)
"""Decorators, by their last name, to which a function's annotations are code."""

_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

_Piece = str | ast.AST | list[Any]


def canonical(node: ast.AST) -> str:
    """Return the text of a piece of Python that is equal on every version."""
    out: list[str] = []
    # A stack of our own: a sum of a thousand terms is nested a thousand deep.
    todo: list[tuple[Any, bool]] = [(node, False)]
    while todo:
        piece, is_field = todo.pop()
        if isinstance(piece, str):
            out.append(piece)
        elif isinstance(piece, list):
            todo += [(each, is_field) for each in reversed(_of_list(piece, is_field=is_field))]
        else:
            inner = _is_in_class(piece, is_field=is_field)
            todo += [(each, inner) for each in reversed(_of_node(piece, is_field=is_field))]
    return "".join(out)


def _is_in_class(node: ast.AST, *, is_field: bool) -> bool:
    """Return whether annotated names directly in this node are the fields of a class."""
    if isinstance(node, ast.ClassDef):
        return True
    return is_field and not isinstance(node, _FUNCTIONS)


def _of_list(items: list[Any], *, is_field: bool) -> list[_Piece]:
    pieces = _Pieces("[")
    for each in items:
        if isinstance(each, ast.stmt) and _does_nothing(each, is_field=is_field):
            continue
        pieces.add(each)
        pieces.add_text(",")
    return pieces.ended("]")


class _Pieces:
    """Collects what a node is made of; texts that follow each other are one."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._pieces: list[_Piece] = []

    def add_text(self, text: str) -> None:
        self._text += text

    def add(self, value: object) -> None:
        if isinstance(value, ast.Name):
            self._text += f"Name({value.id})"
        elif isinstance(value, ast.Constant):
            self._text += _constant(value.value)
        elif isinstance(value, ast.AST | list):
            self._pieces += [self._text, value]
            self._text = ""
        else:
            self._text += _constant(value)

    def ended(self, text: str) -> list[_Piece]:
        return [*self._pieces, self._text + text]


def _does_nothing(statement: ast.stmt, *, is_field: bool) -> bool:
    if isinstance(statement, ast.AnnAssign):
        return statement.value is None and not is_field
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _of_node(node: ast.AST, *, is_field: bool) -> list[_Piece]:
    if isinstance(node, ast.JoinedStr):
        node = _merged(node)
    if isinstance(node, ast.AnnAssign) and not is_field and node.value is not None:
        node = ast.Assign(targets=[node.target], value=node.value)
    if isinstance(node, ast.Name | ast.Constant):
        pieces = _Pieces("")
        pieces.add(node)
        return pieces.ended("")
    pieces = _Pieces(f"{type(node).__name__}(")
    if isinstance(node, ast.MatchSingleton):
        pieces.add(node.value)
    for name in _fields_of(type(node).__name__, node._fields):
        value = getattr(node, name, None)
        if value is None or value == []:
            continue
        pieces.add_text(f"{name}=")
        pieces.add(value)
        pieces.add_text(";")
    if isinstance(node, Definition) and node.decorator_list and shows_annotations(node):
        for each in ast.walk(node.args):
            if isinstance(each, ast.arg) and each.annotation is not None:
                pieces.add_text(f"annotation {each.arg}=")
                pieces.add(each.annotation)
    return pieces.ended(")")


@cache
def _fields_of(kind: str, fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields of a kind of node that count; their order differs between versions."""
    of_arguments = {"annotation"} if kind == "arg" else set()
    return tuple(sorted(set(fields) - _LEFT_OUT - of_arguments))


def shows_annotations(node: Definition) -> bool:
    """Return whether the annotations of a function are code, since a decorator reads them."""
    for each in node.decorator_list:
        used = each.func if isinstance(each, ast.Call) else each
        last = used.attr if isinstance(used, ast.Attribute) else getattr(used, "id", "")
        if last in _READ_ANNOTATIONS:
            return True
    return False


def _merged(node: ast.JoinedStr) -> ast.JoinedStr | ast.Constant:
    """Return a formatted string with its constant parts joined, as not every version has them."""
    values: list[ast.expr] = []
    for each in node.values:
        last = values[-1] if values else None
        if not isinstance(each, ast.Constant):
            values.append(each)
        elif isinstance(last, ast.Constant):
            values[-1] = ast.Constant(str(last.value) + str(each.value))
        elif each.value != "":
            values.append(each)
    if not values:
        return ast.Constant("")
    if len(values) == 1 and isinstance(values[0], ast.Constant):
        return values[0]
    return ast.JoinedStr(values=values)


def _constant(value: object) -> str:
    # Not repr: which characters it shows depends on the version's Unicode. And hex has no limit.
    if isinstance(value, int) and not isinstance(value, bool):
        return f"int {value:x}"
    return f"{type(value).__name__} {value!a}"
