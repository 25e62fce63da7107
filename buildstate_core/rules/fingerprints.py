"""Whether what goes into a milestone is the same as before, part by part."""

import hashlib
from collections.abc import Mapping
from typing import Final

from buildstate_core.rules.facts import AttemptFact
from buildstate_core.vocabulary import MAX_STATE

_UPSTREAM: Final = "upstream:"
_MAX_DIGITS: Final = len(str(MAX_STATE))


def changed_part(old: Mapping[str, str], new: Mapping[str, str]) -> str | None:
    """Return the name of the first part that differs, in alphabetical order, or `None`.

    A part that either side lacks is unknown and does not count as changed: a later release that
    records a new part, or a caller that cannot know one, must not rebuild every image.

    Args:
        old: Part name to digest, as recorded.
        new: The same, of what would run now.

    >>> changed_part({"code": "aa"}, {"code": "aa", "param:os": "bb"})
    >>> changed_part({"code": "aa"}, {"code": "cc"})
    'code'
    """
    shared = sorted(old.keys() & new.keys())
    return next((part for part in shared if old[part] != new[part]), None)


def upstream_part(attempt: AttemptFact) -> tuple[str, str] | None:
    """Return the fingerprint part for work that builds on what an attempt left.

    For a checkpoint, its value holds the digests of its artifacts by name; there is none if one was
    never verified. For a step, it is a digest of what went into it or, where that is not known, the
    attempt's own id; there is none for a step that was only reported.
    """
    if attempt.changed_a_machine_only:
        return (f"{_UPSTREAM}{attempt.state}", _step(attempt)) if attempt.is_claimed else None
    named = sorted((each.name, each.digest) for each in attempt.artifacts if each.digest)
    if not attempt.artifacts or len(named) < len(attempt.artifacts):
        return None
    digest = (
        named[0][1] if len(named) == 1 else ",".join(f"{name}={value}" for name, value in named)
    )
    return f"{_UPSTREAM}{attempt.state}", digest


def _step(attempt: AttemptFact) -> str:
    if not attempt.fingerprint:
        return f"attempt:{attempt.id}"
    parts = "\n".join(f"{part}={digest}" for part, digest in sorted(attempt.fingerprint.items()))
    return f"step:{hashlib.sha256(parts.encode()).hexdigest()}"


def upstream_state(part: str) -> int | None:
    """Return the state that a part of a fingerprint is about, or `None` if it is about no state.

    >>> upstream_state("upstream:10"), upstream_state("command"), upstream_state("upstream:x")
    (10, None, None)
    """
    prefix, _, state = part.partition(_UPSTREAM)
    return int(state) if not prefix and state.isdecimal() and len(state) <= _MAX_DIGITS else None
