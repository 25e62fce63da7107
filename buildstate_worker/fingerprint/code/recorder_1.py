"""How the first recorder digested code. Frozen: attempts that it recorded are compared by it."""

import ast
import hashlib
import inspect
import textwrap
from collections.abc import Callable


def code_parts(function: Callable[..., object]) -> dict[str, str]:
    """Return the part for a function's own source, without comments, docstring and formatting.

    Decorators are left out: what they were given is recorded elsewhere. Empty if the source cannot
    be found, as in an interactive session.
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
