"""The sentences of what goes wrong with handles.

As with bytes, three answers must never be taken for one another. *Gone* and *another thing* mean
that the milestone runs again. *Unreachable* means that nobody knows, so that nothing runs.
"""

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable


def gone(handle: object, why: str) -> ArtifactLost:
    """Who knows was asked, and it does not exist."""
    return ArtifactLost(
        f"The {handle} is gone: {why}.",
        reason="artifact_gone",
        code="artifact-gone",
        hint="Let its milestone run again.",
    )


def another(handle: object, *, recorded: str, now: str) -> ArtifactLost:
    """There is something under its id, but not what was recorded."""
    return ArtifactLost(
        f"The {handle} is another thing now: it was recorded as {recorded!r}, and is {now!r}.",
        reason="artifact_corrupt",
        code="artifact-corrupt",
        hint="Let its milestone run again.",
    )


def unreachable(handle: object, why: str, *, hint: str) -> ArtifactUnreachable:
    """It could not be looked at, so it may well be there."""
    return ArtifactUnreachable(f"The {handle} cannot be looked at: {why}.", hint=hint)
