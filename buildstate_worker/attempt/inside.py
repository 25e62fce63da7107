"""What a process is told of the attempts that it runs inside of.

A call from inside of an attempt, for a state of the same build that has to wait for that attempt,
would wait for itself. So whatever runs for an attempt has the ids of those around it in its
environment, and says them when it claims.
"""

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

INSIDE: Final = "BLDST_INSIDE"
"""The environment variable: the ids, the outermost first, with spaces between."""


def attempts_around(environ: Mapping[str, str]) -> tuple[UUID, ...]:
    """Return the attempts that an environment is inside of; what is no id is left out.

    >>> attempts_around({"BLDST_INSIDE": "12345678-1234-5678-1234-567812345678 x"})
    (UUID('12345678-1234-5678-1234-567812345678'),)
    """
    words = environ.get(INSIDE, "").split()
    return tuple(each for word in words if (each := _uuid(word)) is not None)


def environment_inside(attempts: Iterable[UUID]) -> dict[str, str]:
    """Return what to add to the environment of what runs inside of some attempts."""
    return {INSIDE: " ".join(map(str, attempts))}


def _uuid(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None
