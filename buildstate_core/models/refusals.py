"""What a model refused, as one sentence for the person who gave the value."""

import json
from typing import Final

from pydantic_core import ErrorDetails

from buildstate_core.credentials import HoldsCredential
from buildstate_core.errors import InvalidInput
from buildstate_core.vocabulary import MAX_STATE, MIN_STATE

_MAX_SHOWN: Final = 80
_MAX_REASON: Final = 500
_NO_STATE: Final = {
    "greater_than_equal",
    "less_than_equal",
    "int_type",
    "int_parsing",
    "int_parsing_size",
}
_STATES: Final = {"state", "code", "requires", "consumes", "from_state", "derived_state"}


class UseInstead(ValueError):
    """What a validator raises of a value that cannot be used: its text is what to use instead."""


def refusal(
    refused: ErrorDetails, name: str, *, expected: str | None = None, field: str | None = None
) -> InvalidInput:
    """Return the error for one thing that a pydantic model refused.

    Args:
        refused: The thing, as `ValidationError.errors()` lists it.
        name: What the reader calls the value: a field of the request, or an option.
        expected: What to use instead, where that is said better than by pydantic.
        field: The error's `field`, if it is not the name.

    Returns:
        An error whose message says the value seen, unless that holds a credential.
    """
    name, seen = printable(name), shown(refused["input"])
    code = "invalid-value"
    match refused["type"]:
        case "missing":
            code, message = "missing-field", f"{name} is missing."
        case "extra_forbidden":
            code, message = "unknown-field", f"{name} is not known here; leave it out."
        case "json_invalid":
            message = f"{name} is not JSON."
        case kind if kind in _NO_STATE and _is_state(refused["loc"]):
            code = "state-out-of-range"
            message = f"{name} is {seen}; use an integer from {MIN_STATE} to {MAX_STATE}."
        case _ if expected is not None:
            message = f"{name} is {seen}; use {expected}."
        case "value_error":
            message = _by_a_validator(refused, name)
        case _:
            message = f"{name} is {seen}: {refused['msg'][:1].lower()}{refused['msg'][1:]}."
    return InvalidInput(message, code=code, field=field or name)


def shown(value: object) -> str:
    """Return a value as an error shows it: short, on one line, and with all that can be sent.

    >>> shown("a b"), shown(250), shown({"state": 25}), shown([])
    ('"a b"', '250', 'an object', '[]')
    """
    if isinstance(value, dict | list) and value:
        return "an object" if isinstance(value, dict) else "a list"
    return printable(
        json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
    )


def _by_a_validator(refused: ErrorDetails, name: str) -> str:
    why = refused["ctx"]["error"]
    is_shown = isinstance(refused["input"], str) and not isinstance(why, HoldsCredential)
    seen = f" is {shown(refused['input'])}" if is_shown else ""
    if isinstance(why, UseInstead):
        return f"{name}{seen}; use {why}."
    return f"{name}{seen}: {printable(str(why), _MAX_REASON)}."


def _is_state(path: tuple[int | str, ...]) -> bool:
    names = [part for part in path if isinstance(part, str)]
    return bool(names) and names[-1] in _STATES


def printable(text: str, limit: int = _MAX_SHOWN) -> str:
    """Return a text with all that can be sent, cut off where it becomes too long."""
    text = text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
    return text if len(text) <= limit else f"{text[:limit]}…"
