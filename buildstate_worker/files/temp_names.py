"""The names of uploads under way where they are files: hidden, unique, and known as ours."""

import re
from typing import Final
from uuid import uuid4

_HIDDEN: Final = re.compile(r"\.buildstate-[0-9a-f]{32}\.part")


def hidden_name() -> str:
    """Give a name that nothing has, for a file beside the one that it will become."""
    return f".buildstate-{uuid4().hex}.part"


def is_hidden(path: str) -> bool:
    """Whether a path or URI ends with such a name, so that it is of use to one process at most.

    >>> is_hidden("s3://b/image.raw"), is_hidden(f"/srv/{hidden_name()}")
    (False, True)
    """
    return _HIDDEN.fullmatch(path.rpartition("/")[2]) is not None
