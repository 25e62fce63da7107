"""Temporary names of files that are being written: hidden, unique, and recognisable as ours."""

import re
from typing import Final
from uuid import uuid4

_TEMP_NAME: Final = re.compile(r"\.buildstate-[0-9a-f]{32}\.part")


def temp_name() -> str:
    """Return a new name for a file that is written beside the one that it will become."""
    return f".buildstate-{uuid4().hex}.part"


def is_temp_name(path: str) -> bool:
    """Return whether a path or URI ends in such a name, so that only its writer can use the file.

    >>> is_temp_name("s3://b/image.raw"), is_temp_name(f"/srv/{temp_name()}")
    (False, True)
    """
    return _TEMP_NAME.fullmatch(path.rpartition("/")[2]) is not None
