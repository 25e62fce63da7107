"""Which names a function, class or comprehension binds for itself."""

import ast
from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["function", "class", "comprehension"]

_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_NAMED: Final = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
    ast.ExceptHandler, ast.MatchAs, ast.MatchStar,
)  # fmt: skip


@dataclass
class Scope:
    """The names of one scope.

    Attributes:
        kind: Of a function, a class body, or a comprehension.
        bound: The names that it binds.
        declared: The names that it declares as global.
        instance: The name of its first parameter, if it is a method's.
    """

    kind: Kind
    bound: set[str] = field(default_factory=set)
    declared: set[str] = field(default_factory=set)
    instance: str | None = None


def function_scope(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> Scope:
    """Return what a function binds: its parameters, and what is assigned in it."""
    body = node.body if isinstance(node.body, list) else [node.body]
    scope = _body_scope("function", body)
    given = node.args
    names = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    scope.bound |= {each.arg for each in names if each is not None}
    return scope


def class_scope(node: ast.ClassDef) -> Scope:
    """Return what a class body binds."""
    return _body_scope("class", node.body)


def comprehension_scope(node: Comprehension) -> Scope:
    """Return what a comprehension binds: its targets."""
    targets = [name for each in node.generators for name in ast.walk(each.target)]
    return Scope("comprehension", {each.id for each in targets if isinstance(each, ast.Name)})


def _body_scope(kind: Kind, body: list[ast.stmt] | list[ast.expr]) -> Scope:
    scope = Scope(kind)
    nonlocals: set[str] = set()
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if names := names_bound_by(node):
            scope.bound |= names
        if isinstance(node, ast.Global):
            scope.declared |= set(node.names)
        elif isinstance(node, ast.Nonlocal):
            nonlocals |= set(node.names)
        if isinstance(node, Comprehension):
            walrus = (each for each in ast.walk(node) if isinstance(each, ast.NamedExpr))
            scope.bound |= {each.target.id for each in walrus}
        elif not isinstance(node, _SCOPES):
            todo.extend(ast.iter_child_nodes(node))
    scope.bound -= scope.declared | nonlocals
    return scope


def names_bound_by(node: ast.AST) -> set[str]:
    """Return the names that one node binds, without those inside of it."""
    if isinstance(node, ast.Name):
        return set() if isinstance(node.ctx, ast.Load) else {node.id}
    if isinstance(node, ast.expr):
        return set()
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {each.asname or each.name.partition(".")[0] for each in node.names}
    if isinstance(node, _NAMED) and node.name:
        return {node.name}
    if isinstance(node, ast.MatchMapping) and node.rest:
        return {node.rest}
    return set()


def runs_only_as_script(test: ast.expr) -> bool:
    """Return whether a condition is `__name__ == "__main__"`."""
    return (
        isinstance(test, ast.Compare)
        and isinstance(test.left, ast.Name)
        and test.left.id == "__name__"
        and isinstance(test.ops[0], ast.Eq)
        and isinstance(test.comparators[0], ast.Constant)
        and test.comparators[0].value == "__main__"
    )
