"""Digests of what goes into a milestone, part by part.

How parts are compared is a rule: see `buildstate_core.rules.fingerprints`. Here they are measured.
Values are only ever kept as digests, and secrets not even so: a digest of a short password tells
the password.
"""

import ast
import dataclasses
import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import Any, Final
from uuid import UUID

from pydantic import AnyUrl, BaseModel, Secret, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python

from buildstate_core.errors import InvalidInput
from buildstate_worker.transfer import digest_of

_SECRET: Final = (Secret, SecretBytes, SecretStr)
_HAVE_ONE_JSON_FORM: Final = (AnyUrl, Decimal, UUID, date, datetime, time, timedelta)
_LEFT_OUT: Final = {"secret": None}
"""Stands for a secret inside a value, whatever it is."""


def command_parts(command: Sequence[str]) -> dict[str, str]:
    """Give the part for a command: its words, in order."""
    return {"command": _digest(list(command))}


def param_parts(params: Mapping[str, Any]) -> dict[str, str]:
    """Give a part for each parameter that has one form in JSON.

    That is what JSON can say itself, and dataclasses, pydantic models, enums, times, paths, URLs,
    UUIDs and decimals. Others are left out, so unknown; so are secrets. A secret inside a value is
    left out of its digest.

    >>> param_parts({"password": SecretStr("s3cret"), "handle": object()})
    {}
    """
    parts = {}
    for name, value in params.items():
        if isinstance(value, _SECRET):
            continue
        try:
            parts[f"param:{name}"] = _digest(_canonical(value))
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


def _canonical(value: object) -> object:
    """Give a value as JSON says it.

    Raises:
        TypeError: It has no form of its own in JSON, or not the same one each time.
    """
    if isinstance(value, _SECRET):
        return _LEFT_OUT
    if isinstance(value, Enum):
        return _canonical(value.value)
    if isinstance(value, list | tuple):
        return [_canonical(each) for each in value]
    fields = value if isinstance(value, dict) else _fields_of(value)
    if fields is not None:
        return {key: _canonical(each) for key, each in fields.items()}
    return _said(value)


def _fields_of(value: object) -> Mapping[str, object] | None:
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        return {**fields, **(value.model_extra or {})}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    return None


def _said(value: object) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, _HAVE_ONE_JSON_FORM):
        said: object = to_jsonable_python(value)
        return said
    raise TypeError(type(value).__name__)
