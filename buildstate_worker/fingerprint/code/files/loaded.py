"""Whether two code objects of one interpreter do the same, wherever their lines are."""

import inspect
import sys
from types import CodeType
from typing import Final

# From 3.13 on a flag says that there is a docstring; before, the first constant of a function is
# one, or `None`.
_HAS_DOCSTRING: Final = 0x4000000 if sys.version_info >= (3, 13) else 0

Signature = tuple[object, ...]


def signature(code: CodeType) -> Signature:
    """Return what is equal for two code objects that do the same, but for lines and docstrings.

    It is only ever compared within one process: bytecode differs between versions.
    """
    constants = code.co_consts
    if _begins_with_docstring(code):
        constants = ("docstring", *constants[1:])
    return (
        code.co_qualname,
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags,
        tuple(map(_constant, constants)),
    )


def _begins_with_docstring(code: CodeType) -> bool:
    if _HAS_DOCSTRING:
        return bool(code.co_flags & _HAS_DOCSTRING)
    is_function = bool(code.co_flags & inspect.CO_OPTIMIZED)
    return is_function and bool(code.co_consts) and isinstance(code.co_consts[0], str)


def _constant(value: object) -> object:
    if isinstance(value, CodeType):
        return signature(value)
    if isinstance(value, tuple):
        return tuple, tuple(map(_constant, value))
    if isinstance(value, frozenset):
        return frozenset(map(_constant, value))
    # 1, True and 1.0 are equal, and so are 0.0 and -0.0.
    return type(value), repr(value) if isinstance(value, float | complex) else value
