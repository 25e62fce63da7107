"""The parts of a fingerprint for parameters: a digest of each value, and nothing of secrets.

Values are only ever kept as digests. Of a secret not even that is kept: the digest of a short
password gives the password away.
"""

import dataclasses
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from pydantic import AnyUrl, BaseModel, Secret, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python

from buildstate_worker.fingerprint.digest import digest_of_json

_SECRET: Final = (Secret, SecretBytes, SecretStr)
_HAVE_ONE_JSON_FORM: Final = (AnyUrl, Decimal, UUID, date, datetime, time, timedelta)
_LEFT_OUT: Final = {"secret": None}
"""Stands for a secret inside a value, whatever it is."""


def param_parts(params: Mapping[str, Any]) -> dict[str, str]:
    """Return a part for each parameter that has one form in JSON.

    Those are JSON's own types, and dataclasses, pydantic models, enums, times, paths, URLs, UUIDs
    and decimals. Other values have no part, which means unknown; neither have secrets. A secret
    inside a value does not count in its digest.

    >>> param_parts({"password": SecretStr("s3cret"), "handle": object()})
    {}
    """
    parts = {}
    for name, value in params.items():
        if isinstance(value, _SECRET):
            continue
        try:
            parts[f"param:{name}"] = digest_of_json(_canonical(value))
        except (TypeError, ValueError, RecursionError):
            continue
    return parts


def _canonical(value: object) -> object:
    """Return a value as JSON has it.

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
