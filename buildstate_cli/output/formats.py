"""How states, times, durations and sizes are written."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from buildstate_core.units import about, amount, duration, size

__all__ = [
    "about",
    "amount",
    "count",
    "digest",
    "duration",
    "lane",
    "listed",
    "resumption",
    "size",
    "state",
    "states",
    "time",
]

_DIGEST_SHOWN: Final = 12


def state(code: int | None, name: str | None = None) -> str:
    """Return a state with its name.

    >>> state(45, "Storage"), state(42), state(None)
    ('45 Storage', '42', '')
    """
    return " ".join(str(each) for each in (code, name) if each is not None and each != "")


def time(at: datetime | None) -> str:
    """Return a time in UTC, to the second: `2026-11-24 12:00:00Z`."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at else ""


def states(codes: Iterable[int]) -> str:
    """Return states as they stand in a sentence.

    >>> states([25]), states([25, 30]), states([10, 25, 30])
    ('state 25', 'states 25 and 30', 'states 10, 25 and 30')
    """
    named = [str(each) for each in codes]
    return f"{'state' if len(named) == 1 else 'states'} {listed(named)}"


def listed(names: Sequence[str]) -> str:
    """Return names as they stand in a sentence.

    >>> listed(["#12"]), listed(["#12", "#13", "#14"])
    ('#12', '#12, #13 and #14')
    """
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def count(number: int, one: str) -> str:
    """Return a number of things.

    >>> count(1, "state"), count(3, "state")
    ('1 state', '3 states')
    """
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def digest(text: str | None) -> str:
    """Return the beginning of a digest, enough to tell it from others.

    >>> digest("sha256:" + "0123456789abcdef"), digest(None)
    ('0123456789ab', '')
    """
    return "" if text is None else text.rpartition(":")[2][:_DIGEST_SHOWN]


def lane(name: str) -> str:
    """Return a lane behind a comma; nothing for the trunk.

    >>> lane("eu-west-1"), lane("")
    (', lane eu-west-1', '')
    """
    return f", lane {name}" if name else ""


def resumption(resume_from: int | None) -> str:
    """Return where a rerun continues.

    >>> resumption(25), resumption(None)
    ('resumes from 25', 'starts from the beginning')
    """
    return "starts from the beginning" if resume_from is None else f"resumes from {resume_from}"
