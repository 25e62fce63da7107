"""The page of settings: what the docstrings and the options of the code say of each variable.

A module that reads variables lists them in its docstring, in items such as::

    - `BLDST_PORT`: where it listens. Default: 8642.

What is set for others to read, and not read, has no default.
"""

import ast
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from docs.generator import commands, sources
from docs.generator.markdown import code, table, text
from docs.generator.markdown import page as page_of

_ITEM = re.compile(r"(?ms)^- (?P<names>`[A-Z]+_[^:]*): (?P<said>.*?)(?=^- |^\S|^$|\Z)")
VARIABLE = re.compile(r"BLDST_[A-Z0-9_]*[A-Z0-9]")
"""A variable's name; of one that stands for several, what they begin with."""

_INTRODUCTION = (
    "Every process reads its environment once, when it starts. What the environment does not say is"
    " read from the [config file](files.md#the-config-file). An empty variable counts as none."
)
_GIVEN = "BuildState sets these for a command that runs under `bldst run`, and for its probe."


@dataclass(frozen=True)
class Variable:
    """One variable, or several that are said together.

    Attributes:
        names: Their names; `<KIND>` in one stands for any.
        says: What it says.
        default: What counts without it. `None`: it is set by BuildState, and not read.
    """

    names: tuple[str, ...]
    says: str
    default: str | None


def page() -> str:
    """Return the page."""
    found = sorted(variables(), key=lambda each: each.names)
    settings = [_row(each) for each in found if each.default is not None]
    given = [_row(each)[:2] for each in found if each.default is None]
    return page_of(
        "# Settings",
        _INTRODUCTION,
        table(["variable", "what it says", "default"], settings),
        "## What commands are told",
        _GIVEN,
        table(["variable", "what it says"], given),
    )


def variables() -> Iterator[Variable]:
    """Return what the docstrings list, module by module, and the options with a variable."""
    for module in sources.modules().values():
        yield from _listed(ast.get_docstring(module) or "")
    seen: set[str] = set()
    for shown in commands.root().leaves():
        for param in shown.command.params:
            if param.envvar and param.envvar not in seen:
                seen.add(param.envvar)
                says, default = _option(param, " ".join(("bldst", *shown.path)))
                yield Variable((param.envvar,), says, default)


def in_the_code() -> AbstractSet[str]:
    """Return the names of all variables that the code has as text, docstrings apart."""
    found = set()
    for module in sources.modules().values():
        texts = {node.value for node in ast.walk(module) if isinstance(node, ast.Expr)}
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and node not in texts:
                found |= set(VARIABLE.findall(str(node.value)))
    return found


def _listed(docstring: str) -> Iterator[Variable]:
    for item in _ITEM.finditer(docstring):
        names = tuple(re.findall(r"`([^`]+)`", item["names"]))
        says, _, default = " ".join(item["said"].split()).partition(" Default: ")
        yield Variable(names, says, default.rstrip(".") or None)


def _option(param: object, command: str) -> tuple[str, str]:
    """Return what an option says, and its default."""
    said = str(getattr(param, "help", ""))
    says, _, default = said.partition("  [default: ")
    default = default.rstrip("]") or str(getattr(param, "default", ""))
    return f"`{getattr(param, 'opts', [''])[0]}` of `{command}`: {says}", default


def _row(variable: Variable) -> tuple[str, str, str]:
    says = variable.says.rstrip(".")
    return ", ".join(map(code, variable.names)), text(says), text(variable.default or "")
