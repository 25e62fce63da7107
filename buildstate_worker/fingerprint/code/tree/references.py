"""What a piece of Python refers to outside of itself, read from its tree."""

import ast
from dataclasses import dataclass, field

from buildstate_worker.fingerprint.code.tree.canonical import shows_annotations
from buildstate_worker.fingerprint.code.tree.scopes import (
    Comprehension,
    Scope,
    class_scope,
    comprehension_scope,
    function_scope,
)

Chain = tuple[str, ...]
"""A name and the attributes taken from it: `("helpers", "mirrors", "first")`."""


@dataclass(frozen=True)
class Call:
    """A call of a name.

    Attributes:
        node: The call.
        subject: Its first argument, if that is a name that is not its own.
    """

    node: ast.Call
    subject: Chain | None


@dataclass
class References:
    """What was found, each once, in the order of the text.

    Attributes:
        chains: Names that are not its own, with their attributes.
        stores: The same of what it assigns to.
        calls: Calls of such names, by the name.
        local_calls: Calls of names that it imports itself, by their full name.
        imports: Its own imports.
        imported: The full names of what they bind.
        own: Attributes that it takes from its first parameter.
        of_super: Attributes that it takes from `super()`.
        hands_on_instance: Whether its first parameter is used without an attribute, too.
    """

    chains: dict[Chain, None] = field(default_factory=dict)
    stores: dict[Chain, None] = field(default_factory=dict)
    calls: dict[Chain, list[Call]] = field(default_factory=dict)
    local_calls: list[tuple[str, ast.Call]] = field(default_factory=list)
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    imported: dict[str, str] = field(default_factory=dict)
    own: dict[str, None] = field(default_factory=dict)
    of_super: dict[str, None] = field(default_factory=dict)
    hands_on_instance: bool = False


def references_of(node: ast.AST, *, is_method: bool = False) -> References:
    """Return what a function, class, statement or module refers to.

    Args:
        node: Its tree.
        is_method: Its first parameter is an instance or a class.
    """
    visitor = _Visitor(is_method=is_method)
    visitor.visit(node)
    return visitor.found


class _Visitor(ast.NodeVisitor):
    def __init__(self, *, is_method: bool) -> None:
        self.found = References()
        self._scopes: list[Scope] = []
        self._is_method = is_method

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._visit_all(node.decorator_list)
        if shows_annotations(node):
            for each in ast.walk(node.args):
                if isinstance(each, ast.arg) and each.annotation is not None:
                    self._visit_annotation(each.annotation)
        self._visit_function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._visit_function(node)

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        self._visit_all(node.args.defaults)
        self._visit_all([each for each in node.args.kw_defaults if each is not None])
        scope = function_scope(node)
        parameters = [*node.args.posonlyargs, *node.args.args]
        if self._is_method and not self._scopes and parameters:
            scope.instance = parameters[0].arg
        self._scopes.append(scope)
        self._visit_all(node.body if isinstance(node.body, list) else [node.body])
        self._scopes.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._visit_all([*node.decorator_list, *node.bases, *node.keywords])
        self._scopes.append(class_scope(node))
        self._visit_all(node.body)
        self._scopes.pop()

    def _visit_comprehension(self, node: Comprehension) -> None:
        self._scopes.append(comprehension_scope(node))
        self.generic_visit(node)
        self._scopes.pop()

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension  # noqa: N815

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)
        if self._scopes and self._scopes[-1].kind == "class":
            self._visit_annotation(node.annotation)

    def _visit_annotation(self, node: ast.expr) -> None:
        self.visit(node)
        for each in ast.walk(node):
            if isinstance(each, ast.Constant) and isinstance(each.value, str):
                try:
                    self.visit(ast.parse(each.value, mode="eval").body)
                except SyntaxError:
                    continue  # A word, such as one of a `Literal`.

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        chain = chain_of(node.target)
        if chain is not None:
            self._take(chain, is_store=False)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        self.found.imports.append(node)
        for each in node.names:
            full = each.name if each.asname else each.name.partition(".")[0]
            self.found.imported[each.asname or full] = full

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.found.imports.append(node)
        for each in node.names:
            self.found.imported[each.asname or each.name] = f"{node.module or ''}.{each.name}"

    def visit_Call(self, node: ast.Call) -> None:
        chain = chain_of(node.func)
        if chain is not None and self._is_outside(chain[0]):
            subject = chain_of(node.args[0]) if node.args else None
            if subject is not None and not self._is_outside(subject[0]):
                subject = None
            self.found.calls.setdefault(chain, []).append(Call(node, subject))
        elif chain is not None and chain[0] in self.found.imported:
            name = ".".join((self.found.imported[chain[0]], *chain[1:]))
            self.found.local_calls.append((name, node))
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        self._take((node.id,), is_store=not isinstance(node.ctx, ast.Load))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        chain = chain_of(node)
        if chain is not None:
            self._take(chain, is_store=not isinstance(node.ctx, ast.Load))
        elif _is_super(node.value):
            self.found.of_super[node.attr] = None
        else:
            self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        chain = chain_of(node.value)
        if chain is not None and not isinstance(node.ctx, ast.Load):
            self._take(chain, is_store=True)
        self.generic_visit(node)

    def _take(self, chain: Chain, *, is_store: bool) -> None:
        if self._is_outside(chain[0]):
            (self.found.stores if is_store else self.found.chains)[chain] = None
        elif self._is_instance(chain[0]):
            if len(chain) > 1:
                self.found.own[chain[1]] = None
            else:
                self.found.hands_on_instance = True

    def _is_outside(self, name: str) -> bool:
        return self._scope_of(name) is None

    def _is_instance(self, name: str) -> bool:
        scope = self._scope_of(name)
        return scope is not None and scope.instance == name

    def _scope_of(self, name: str) -> Scope | None:
        """Return the scope that binds a name, or `None` if it comes from outside."""
        innermost = True
        for scope in reversed(self._scopes):
            if name in scope.declared:
                return None
            if name in scope.bound and (innermost or scope.kind != "class"):
                return scope
            # A comprehension in a class body does not see the class's names, but its first
            # iterable does; seeing them nowhere would take a field for a global of that name.
            innermost = innermost and scope.kind == "comprehension"
        return None

    def _visit_all(self, nodes: list[ast.expr] | list[ast.stmt] | list[ast.AST]) -> None:
        for each in nodes:
            self.visit(each)


def chain_of(node: ast.AST) -> Chain | None:
    """Return a name with its attributes, or `None` if the attributes are of something else."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return (node.id, *reversed(attributes)) if isinstance(node, ast.Name) else None


def _is_super(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super"
    )
