"""How states, times, durations and sizes are written."""

from datetime import datetime
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 3600
_KIB: Final = 1024
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


def resumption(resume_from: int | None) -> str:
    """Say where a rerun continues.

    >>> resumption(25), resumption(None)
    ('resumes from 25', 'starts from the beginning')
    """
    return "starts from the beginning" if resume_from is None else f"resumes from {resume_from}"
