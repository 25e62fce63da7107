"""Values from the command line, checked by the wire models before anything is sent.

A model names its fields, a person typed options: an error names the option.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from buildstate_core.errors import InvalidInput
from buildstate_core.models.refusals import refusal, shown

Model = TypeVar("Model", bound=BaseModel)

_NAME: Final = "letters, digits, dot, dash and underscore, and a letter or digit first"
_EXPECTED: Final = {
    "--checksum": "sha256: and 64 hexadecimal digits, lower case",
    "--artifact-name": _NAME,
    "--name": _NAME,
    "--handle": "a short lower-case word, such as ami or ebs-snapshot",
    "--storage-type": "a short lower-case word, such as s3 or ebs",
    "--project": "lower case " + _NAME,
    "NAME": "lower case " + _NAME,
    "--color": "#rrggbb",
    "--at": "RFC 3339 with a zone, such as 2026-11-24T12:00:00Z",
}
_MAX_NUMBER_DIGITS: Final = 18


def checked(
    model: type[Model], values: Mapping[str, object], *, flags: Mapping[str, str] | None = None
) -> Model:
    """Return a request made of the values that were given; `None` stands for one that was not.

    Args:
        model: The request's model.
        values: Its fields.
        flags: What a person calls a field, where that is not `--field-name`.

    Raises:
        InvalidInput: A value is wrong. The message names the option, the value and what to use.
    """
    given = {name: value for name, value in values.items() if value is not None}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid(error, flags) from None


def checked_value(kind: Any, value: object, *, flag: str) -> Any:
    """Return one value, checked as a type of the wire models.

    Args:
        kind: The type.
        value: As typed.
        flag: The option that it was typed for.

    Raises:
        InvalidInput: It is wrong, as in `checked`.
    """
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise _invalid(error.errors()[0], flag) from None


def invalid(error: ValidationError, flags: Mapping[str, str] | None = None) -> InvalidInput:
    """Return the first thing that a model refused as an error that names the option."""
    first = error.errors()[0]
    return _invalid(first, _flag(first["loc"], flags or {}))


def checked_content(model: type[Model], content: object) -> Model:
    """Return a request made of a file's content.

    Raises:
        InvalidInput: A value is wrong. The message names its place in the file.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise _invalid(first, _place(first["loc"]), field="--file") from None


def build_reference(text: str, *, name: str = "BUILD") -> str | int:
    """Return the build that a person names by `123`, `#123` or its id.

    >>> build_reference("#123")
    123

    Args:
        text: As typed.
        name: The argument or option that it was typed for.

    Raises:
        InvalidInput: It is none of these forms.
    """
    number = text.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) <= _MAX_NUMBER_DIGITS:
        return int(number)
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidInput(
            f"{name} is {shown(text)}; use its number (123 or #123) or its id.",
            code="bad-build",
            field=name,
            hint="To see what there is: bldst build list",
        ) from None


def artifact_id(text: str) -> UUID:
    """Return the artifact's id that was typed.

    Raises:
        InvalidInput: It is not an id.
    """
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(
            f"ARTIFACT is {shown(text)}; use its id.",
            code="bad-artifact",
            field="ARTIFACT",
            hint="To see what a build has: bldst artifact list BUILD",
        ) from None


def pairs(texts: Sequence[str], *, flag: str) -> dict[str, str]:
    """Return the `KEY=VALUE` texts of an option as keys and values.

    >>> pairs(["team=platform", "note=a=b"], flag="--label")
    {'team': 'platform', 'note': 'a=b'}

    Raises:
        InvalidInput: One has no key or no `=`, or a key is given twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise InvalidInput(f"{flag} is {shown(text)}; use KEY=VALUE.", field=flag)
        if key in found:
            raise InvalidInput(f"{flag} {shown(key)} is given twice.", field=flag)
        found[key] = value
    return found


def _invalid(refused: ErrorDetails, name: str, *, field: str | None = None) -> InvalidInput:
    return refusal(refused, name, expected=_EXPECTED.get(name), field=field)


def _flag(path: tuple[int | str, ...], flags: Mapping[str, str]) -> str:
    """Return the option that a field was given by; in a nested field, the innermost counts."""
    names = [part for part in path if isinstance(part, str)]
    known = next((flags[name] for name in reversed(names) if name in flags), None)
    return known or (f"--{names[0].replace('_', '-')}" if names else "a value")


def _place(path: tuple[int | str, ...]) -> str:
    """Return where in a file a value is: `states[3].code`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".") or "the content"
