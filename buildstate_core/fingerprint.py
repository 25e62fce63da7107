"""Digests of what goes into a milestone, part by part.

How parts are compared is a rule: see `buildstate_core.rules.fingerprints`. Here they are measured.
Values are only ever kept as digests.
"""

import ast
import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from buildstate_core.errors import InvalidInput
from buildstate_core.transfer import digest_of


def command_parts(command: Sequence[str]) -> dict[str, str]:
    """Give the part for a command: its words, in order."""
    return {"command": _digest(list(command))}


def param_parts(params: Mapping[str, Any]) -> dict[str, str]:
    """Give a part for each parameter that JSON can say; others are left out, so unknown."""
    parts = {}
    for name, value in params.items():
        try:
            parts[f"param:{name}"] = _digest(value)
        except (TypeError, ValueError, RecursionError):
            continue
    return parts


def input_parts(inputs: Sequence[str], *, folder: Path) -> dict[str, str]:
    """Give a part for each file or folder whose content decides "unchanged".

    Args:
        inputs: Paths relative to `folder`; they name the parts as they are written.
        folder: The working directory.

    Raises:
        InvalidInput: One of them is missing.
    """
    parts = {}
    for each in inputs:
        path = folder / each
        if not path.exists():
            raise InvalidInput(
                f"The input {each} does not exist in {folder}.",
                code="input-missing",
                field="input",
                hint="Its content decides whether the milestone may be skipped; correct the path.",
            )
        parts[f"input:{each}"] = digest_of(path).removeprefix("sha256:")
    return parts


def code_parts(function: Callable[..., object]) -> dict[str, str]:
    """Give the part for a function's own source, without comments, docstring and formatting.

    Decorators count no more than the name: what they were given is elsewhere. Empty when the
    source cannot be found, as in an interactive session.
    """
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
        tree = ast.parse(source)
    except (OSError, TypeError, SyntaxError):
        return {}
    definition = tree.body[0]
    if not isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef):
        return {}
    definition.decorator_list = []
    if ast.get_docstring(definition) is not None:
        definition.body = definition.body[1:] or [ast.Pass()]
    return {"code": hashlib.sha256(ast.unparse(definition).encode()).hexdigest()}


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
