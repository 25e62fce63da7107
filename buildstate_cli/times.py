"""Times and durations as a person types them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import TypeAdapter, ValidationError

from buildstate_core.errors import InvalidInput
from buildstate_core.models.base import Time

_DURATION: Final = re.compile(r"(\d{1,6}) ?([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def duration(text: str) -> timedelta | None:
    """Return the length of `90s`, `30m`, `24h`, `30d` or `2w`; `None` for anything else.

    >>> duration("24h"), duration("2w"), duration("1.5h")
    (datetime.timedelta(days=1), datetime.timedelta(days=14), None)
    """
    found = _DURATION.fullmatch(text.strip().lower())
    return timedelta(seconds=int(found[1]) * _SECONDS[found[2]]) if found else None


def age(text: str, *, flag: str, at_least: timedelta) -> timedelta:
    """Return the age that was typed for an option.

    Raises:
        InvalidInput: It is not a duration, or shorter than `at_least`.
    """
    found = duration(text)
    if found is None:
        raise InvalidInput(f'{flag} is "{text}"; use 24h, 3d or 2w.', field=flag)
    if found < at_least:
        hours = at_least // timedelta(hours=1)
        raise InvalidInput(
            f"{flag} is {text}; use at least {hours}h: what is younger may be under way.",
            field=flag,
        )
    return found


def moment(text: str | None, *, flag: str) -> datetime | None:
    """Return the time that was typed for an option, as a time or as how long it is from now.

    Raises:
        InvalidInput: It is neither.
    """
    if text is None:
        return None
    ahead = duration(text)
    if ahead is not None:
        return datetime.now(UTC) + ahead
    try:
        return TypeAdapter(Time).validate_python(text)
    except ValidationError:
        raise InvalidInput(
            f'{flag} is "{text}"; use 30d, 12h, 2w, or RFC 3339 with a zone, such as'
            " 2027-01-31T12:00:00Z.",
            field=flag,
        ) from None
