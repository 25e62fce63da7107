"""Sizes as people write them: `50G`, `1.5TiB`, `800MB`, or a plain number of bytes."""

import re
from typing import Final

_SIZE: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?) ?([KMGTP]?)(I?B?)")
_POWERS: Final = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


def parse_size(text: str) -> int | None:
    """Give a size in bytes, or `None` for what is no size.

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
