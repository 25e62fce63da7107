"""How users say what counts, in the words of where they say it: in Python, or on a command line."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Wording:
    """The words for one way of use.

    Attributes:
        declare: Names an input.
        leave_out: Leaves out what does not matter.
        leaving_out: Returns what leaves out a place.
        field: Where the user left something unsaid.
        not_handed_over: What became of a file that no later state can have.
        hand_over: Has later states have it.
    """

    declare: str
    leave_out: str
    leaving_out: Callable[[str], str]
    field: str
    not_handed_over: str
    hand_over: str


FUNCTION: Final = Wording(
    declare="inputs=",
    leave_out="ignore_reads=",
    leaving_out=lambda place: f"ignore_reads=[{place!r}]",
    field="ignore_reads",
    not_handed_over="did not return",
    hand_over="return its path there, and take it as an argument here",
)

COMMAND: Final = Wording(
    declare="--input",
    leave_out="--exclude",
    leaving_out=lambda place: f"--exclude {shlex.quote(place)}",
    field="--exclude",
    not_handed_over="does not name with --artifact",
    hand_over="--artifact there; it is restored here",
)
