"""What is refused: code that cannot be seen, or that is not what is on the disk any more."""

from pathlib import Path

from buildstate_core.errors import InvalidInput


def opaque(name: str, why: str) -> InvalidInput:
    """Return the error for code that cannot be digested.

    Args:
        name: The function that does it, as a reader knows it: `pipeline.harden`.
        why: What it does, as a sentence's end: `calls eval`.
    """
    return InvalidInput(
        f"{name} {why}, so that a change of what it does could not be seen.",
        code="opaque-code",
        field="version",
        hint='Say what stands for the code, as in version="1", and change that with the code.',
    )


def changed(path: Path, name: str) -> InvalidInput:
    """Return the error for a file whose code is not what runs."""
    return InvalidInput(
        f"{path.name} has changed since it was loaded: {name} in it is not what would run.",
        code="code-changed-since-loaded",
        hint="Start again, so that what is recorded is what runs.",
    )
