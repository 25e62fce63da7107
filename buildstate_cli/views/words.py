"""How states, times, durations and sizes are written."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 3600
_KIB: Final = 1024
_DIGEST_SHOWN: Final = 12
_UNITS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB")


def state(code: int | None, name: str | None = None) -> str:
    """Write a state with its name.

    >>> state(45, "Storage"), state(42), state(None)
    ('45 Storage', '42', '')
    """
    return " ".join(str(each) for each in (code, name) if each is not None and each != "")


def time(at: datetime | None) -> str:
    """Write a time in UTC, to the second: `2026-11-24 12:00:00Z`."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at else ""


def duration(seconds: float | None) -> str:
    """Write a duration.

    >>> duration(1.25), duration(75), duration(4500), duration(None)
    ('1.2 s', '1 min 15 s', '1 h 15 min', '')
    """
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def about(seconds: float) -> str:
    """Write a duration that is an estimate, no finer than it can be known.

    >>> about(40.4), about(2045), about(4500), about(0.2)
    ('40 s', '34 min', '1 h 15 min', '1 s')
    """
    whole = max(round(seconds), 1)
    if whole < _MINUTE:
        return f"{whole} s"
    minutes = round(whole / _MINUTE)
    if minutes < _MINUTE:
        return f"{minutes} min"
    return f"{minutes // _MINUTE} h {minutes % _MINUTE:02} min"


def size(size_bytes: int | None) -> str:
    """Write a size.

    >>> size(512), size(1536), size(1073741824), size(None)
    ('512 B', '1.5 KiB', '1.0 GiB', '')
    """
    if size_bytes is None:
        return ""
    if size_bytes < _KIB:
        return f"{size_bytes} B"
    amount, units = size_bytes / _KIB, iter(_UNITS)
    unit = next(units)
    while amount >= _KIB and unit != _UNITS[-1]:
        amount, unit = amount / _KIB, next(units)
    return f"{amount:.1f} {unit}"


def amount(done_bytes: int, total_bytes: int | None) -> str:
    """Write how much of something is done, in the unit of the whole.

    >>> amount(1536, 4 * 1024**2), amount(512, 1000), amount(1536, None)
    ('0.0 of 4.0 MiB', '512 of 1000 B', '1.5 KiB')
    """
    if total_bytes is None:
        return size(done_bytes)
    whole, unit = size(total_bytes).split()
    power = 0 if unit == "B" else _UNITS.index(unit) + 1
    done = f"{done_bytes}" if power == 0 else f"{done_bytes / _KIB**power:.1f}"
    return f"{done} of {whole} {unit}"


def states(codes: Iterable[int]) -> str:
    """Name states in a sentence.

    >>> states([25]), states([25, 30]), states([10, 25, 30])
    ('state 25', 'states 25 and 30', 'states 10, 25 and 30')
    """
    named = [str(each) for each in codes]
    return f"{'state' if len(named) == 1 else 'states'} {listed(named)}"


def listed(names: Sequence[str]) -> str:
    """Name things in a sentence.

    >>> listed(["#12"]), listed(["#12", "#13", "#14"])
    ('#12', '#12, #13 and #14')
    """
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def count(number: int, one: str) -> str:
    """Count things.

    >>> count(1, "state"), count(3, "state")
    ('1 state', '3 states')
    """
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def digest(text: str | None) -> str:
    """Write the beginning of a digest, enough to tell it from others.

    >>> digest("sha256:" + "0123456789abcdef"), digest(None)
    ('0123456789ab', '')
    """
    return "" if text is None else text.rpartition(":")[2][:_DIGEST_SHOWN]


def lane(name: str) -> str:
    """Name a lane behind a comma; nothing for the trunk.

    >>> lane("eu-west-1"), lane("")
    (', lane eu-west-1', '')
    """
    return f", lane {name}" if name else ""


def resumption(resume_from: int | None) -> str:
    """Say where a rerun continues.

    >>> resumption(25), resumption(None)
    ('resumes from 25', 'starts from the beginning')
    """
    return "starts from the beginning" if resume_from is None else f"resumes from {resume_from}"
