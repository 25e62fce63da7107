"""Steps that a machine holds."""

from uuid import uuid4


def a_step() -> str:
    """Give the digest of a step that is like no other."""
    return f"attempt:{uuid4()}"
