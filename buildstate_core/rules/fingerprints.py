"""Whether what goes into a milestone is the same as before, part by part."""

from collections.abc import Mapping

from buildstate_core.rules.facts import AttemptFact


def changed_part(old: Mapping[str, str], new: Mapping[str, str]) -> str | None:
    """Name the first part that differs, in alphabetical order, or `None`.

    A part that either side lacks is unknown, so kept: recording a new part in a later release,
    or calling from a face that cannot know a part, must not rebuild every image.

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
    """Give the fingerprint part for work that consumes an attempt's artifacts.

    The digests of its artifacts by name; `None` when one of them was never verified.
    """
    named = sorted((each.name, each.digest) for each in attempt.artifacts if each.digest)
    if not attempt.artifacts or len(named) < len(attempt.artifacts):
        return None
    digest = (
        named[0][1] if len(named) == 1 else ",".join(f"{name}={value}" for name, value in named)
    )
    return f"upstream:{attempt.state}", digest
