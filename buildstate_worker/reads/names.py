"""Places as they are recorded."""

from typing import Final

ALL: Final = "."
"""The place that stands for everything, where it is not known what was read."""

_MOST: Final = 1000


def named(place: str) -> str:
    r"""Return a place as JSON can say it; what it cannot say is found nowhere.

    >>> named("conf/hosts"), named("caf" + chr(0xDCE9))
    ('conf/hosts', 'caf\\udce9')
    """
    return sayable(place)[:_MOST]


def sayable(text: str) -> str:
    """Return a text as JSON can say it, however long it is."""
    return text.encode(errors="backslashreplace").decode()
