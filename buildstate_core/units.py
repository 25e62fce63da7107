"""Sizes and durations: written for people, and read from what people write."""

import re
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 3600
_KIB: Final = 1024
_UNITS: Final = ("KiB", "MiB", "GiB", "TiB", "PiB")
_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([KMGTP]?)(I?B?)")
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


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


def parse_size(text: str) -> int | None:
    """Return a size in bytes, or `None` if the text is not a size.

    `G` and `GiB` are 1024³ bytes, as `du -h` has it, and `GB` is 1000³.

    >>> parse_size("50G"), parse_size("1.5 KiB"), parse_size("2kb"), parse_size("512")
    (53687091200, 1536, 2000, 512)
    >>> parse_size("-1"), parse_size("ten"), parse_size("")
    (None, None, None)
    """
    found = _SIZE.fullmatch(text.strip().upper())
    if found is None or (found[3].startswith("I") and not found[2]):
        return None
    unit = 1000 if found[2] and found[3] == "B" else 1024
    whole, _, decimals = found[1].partition(".")
    # In integers: a float cannot count the bytes of a petabyte.
    size_bytes: int = int(whole + decimals) * unit ** _POWERS[found[2]] // 10 ** len(decimals)
    return size_bytes


def number_of(count: int, what: str) -> str:
    """Return a number of things.

    >>> number_of(1, "file"), number_of(2, "file")
    ('1 file', '2 files')
    """
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
