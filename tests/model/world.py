"""What is so, whoever knows of it: what was run, what became of it, and what the world has seen."""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .pipelines import Milestone


class Condition(StrEnum):
    """What became of an artifact in its storage."""

    FINE = "fine"
    CORRUPT = "corrupt"
    """Other bytes, as many as before: seen by whoever pulls it."""
    GONE = "gone"
    CUT = "cut"
    """Fewer bytes: seen by whoever looks."""
    RETIRED = "retired"
    """Removed by the service's own retention."""


class Outcome(StrEnum):
    """How a try at a milestone ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    GIVEN_UP = "given up"
    """Nothing was done, since what it needed was not there."""
    AT_WORK = "at work"
    LOST = "lost"
    """Its lease ran out."""


@dataclass(kw_only=True)
class Try:
    """One try at a milestone.

    Attributes:
        milestone: As it was then.
        before: The machine that it was done to.
        artifact: What it left, as the service under test names it.
        is_forced: Whether a person has asked since for it to run again.
        is_found_out: Whether somebody pulled what it left, and found it corrupt.
    """

    milestone: Milestone
    outcome: Outcome
    before: str = ""
    artifact: Any = None
    condition: Condition = Condition.FINE
    is_forced: bool = False
    is_found_out: bool = False


@dataclass
class World:
    """All tries, in order, and what effects and gates have last done."""

    tries: list[Try] = field(default_factory=list)
    published: dict[tuple[str, int], str] = field(default_factory=dict)
    """Of each effect the digest that it has published."""
    verdicts: dict[tuple[str, int], str] = field(default_factory=dict)
    """Of each gate the digest that its verdict is about."""
    nonces: dict[tuple[str, int], str] = field(default_factory=dict)
    """Of each checkpoint that is never made equal what is in the last one."""

    def newest(self, milestone: Milestone) -> Try | None:
        found = (each for each in reversed(self.tries) if each.milestone.key == milestone.key)
        return next(found, None)


def digest_of(content: str) -> str:
    """Give an image's digest as it is recorded."""
    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
