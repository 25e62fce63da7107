"""The sentences of what goes wrong with handles.

As with bytes, three answers must never be confused. *Gone* and *another thing* mean that the
milestone runs again. *Unreachable* means that nobody knows, so that nothing runs.
"""

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable


def gone(handle: object, why: str) -> ArtifactLost:
    """Return the error for a handle that does not exist, by the word of its own system."""
    return ArtifactLost(
        f"The {handle} is gone: {why}.",
        reason="artifact_gone",
        code="artifact-gone",
        hint="Let its milestone run again.",
    )


def another(handle: object, *, recorded: str, now: str) -> ArtifactLost:
    """Return the error for an id that now belongs to something else."""
    return ArtifactLost(
        f"The {handle} is another thing now: it was recorded as {recorded!r}, and is {now!r}.",
        reason="artifact_corrupt",
        code="artifact-corrupt",
        hint="Let its milestone run again.",
    )


def unreachable(handle: object, why: str, *, hint: str) -> ArtifactUnreachable:
    """Return the error for a handle that could not be looked at: it may still be there."""
    return ArtifactUnreachable(f"The {handle} cannot be looked at: {why}.", hint=hint)
