"""The parts for parameters as the first recorder made them: old attempts are compared by these.

Frozen: nothing here may ever change.

It knows JSON's types and what has one form in JSON. Everything else has no part, which means
unknown; neither have secrets.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from pydantic import AnyUrl, BaseModel, Secret, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python

_SECRET: Final = (Secret, SecretBytes, SecretStr)
_HAVE_ONE_JSON_FORM: Final = (AnyUrl, Decimal, UUID, date, datetime, time, timedelta)
_LEFT_OUT: Final = {"secret": None}
"""Stands for a secret inside a value, whatever it is."""
_NOT_IN_JSON: Final = (TypeError, ValueError, RecursionError)


def _no_result(_: object) -> bool:
    return False


class ParamDigests1:
    """What parameters were when it was made, whatever happens to them afterwards.

    Args:
        params: The parameters, by name.
        is_result: Whether a value is the result of a milestone, whose content may be another one
            by the time that the parts are asked for. They are found in lists, tuples and dicts.
    """

    def __init__(
        self, params: Mapping[str, Any], *, is_result: Callable[[object], bool] = _no_result
    ) -> None:
        self._digests: dict[str, str] = {}
        self._forms: dict[str, object] = {}
        for name, value in params.items():
            if isinstance(value, _SECRET):
                continue
            with suppress(*_NOT_IN_JSON):
                form = _canonical(value, is_result)
                try:
                    self._digests[name] = _digest(form, _refuse)
                except _HoldsResult:
                    self._forms[name] = form

    def parts(self, stand_in: Callable[[Any], object] = lambda value: value) -> dict[str, str]:
        """Return a part for each parameter that has one.

        Args:
            stand_in: Returns what stands for a result.
        """

        def stood_in(result: object) -> object:
            return _canonical(stand_in(result), _no_result)

        digests = dict(self._digests)
        for name, form in self._forms.items():
            with suppress(*_NOT_IN_JSON):
                digests[name] = _digest(form, stood_in)
        return {f"param:{name}": digest for name, digest in digests.items()}


def param_parts_1(params: Mapping[str, Any]) -> dict[str, str]:
    """Return a part for each parameter that has one form in JSON.

    >>> param_parts_1({"password": SecretStr("s3cret"), "handle": object()})
    {}
    """
    return ParamDigests1(params).parts()


class _HoldsResult(Exception):
    """A form has no digest of its own."""


def _refuse(_: object) -> object:
    raise _HoldsResult


def _digest(form: object, stood_in: Callable[[object], object]) -> str:
    text = json.dumps(
        form, sort_keys=True, separators=(",", ":"), allow_nan=False, default=stood_in
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: object, is_result: Callable[[object], bool]) -> object:
    """Return a value as JSON has it, with results as they are.

    Raises:
        TypeError: It has no form of its own in JSON, or not the same one each time.
    """
    if is_result(value):
        return value
    if isinstance(value, _SECRET):
        return _LEFT_OUT
    if isinstance(value, Enum):
        return _canonical(value.value, _no_result)
    inside = is_result if type(value) in {list, tuple, dict} else _no_result
    if isinstance(value, list | tuple):
        return [_canonical(each, inside) for each in value]
    fields = value if isinstance(value, dict) else _fields_of(value)
    if fields is not None:
        return {key: _canonical(each, inside) for key, each in fields.items()}
    return _plain(value)


def _fields_of(value: object) -> Mapping[str, object] | None:
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        return {**fields, **(value.model_extra or {})}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    return None


def _plain(value: object) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, _HAVE_ONE_JSON_FORM):
        said: object = to_jsonable_python(value)
        return said
    raise TypeError(type(value).__name__)
