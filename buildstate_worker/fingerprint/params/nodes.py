"""Digests of values from the digests of what they hold; some wait for a result of a milestone.

What a milestone has left may be made anew until a digest is needed. So what holds a result is kept
as a tree until then, and everything else as 32 bytes.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_LENGTH_BYTES = 8


@dataclass(frozen=True)
class Waiting:
    """A result of a milestone, in whose place something else counts."""

    result: object


@dataclass(frozen=True)
class Open:
    """A value that holds a result somewhere."""

    kind: str
    parts: "tuple[Node, ...]"
    is_ordered: bool


Node = bytes | Open | Waiting


def leaf(kind: str, *texts: str | bytes) -> bytes:
    """Return the digest of a value that texts, or bytes, describe."""
    return _hashed(
        kind,
        [
            each.encode("utf-8", "surrogatepass") if isinstance(each, str) else each
            for each in texts
        ],
    )


def node(kind: str, parts: Iterable[Node], *, is_ordered: bool = True) -> Node:
    """Return the digest of a value that holds others.

    Args:
        kind: What kind of value it is. Values of two kinds are never the same.
        parts: What it holds.
        is_ordered: Whether the order of the parts counts.
    """
    held = tuple(parts)
    digests = [each for each in held if isinstance(each, bytes)]
    if len(digests) < len(held):
        return Open(kind, held, is_ordered)
    return _hashed(kind, digests if is_ordered else sorted(digests))


def sealed(tree: Node, digest_of: Callable[[object], bytes]) -> bytes:
    """Return the digest of a value now.

    Args:
        tree: The value's node.
        digest_of: Returns the digest of a result.
    """
    if isinstance(tree, bytes):
        return tree
    if isinstance(tree, Waiting):
        return digest_of(tree.result)
    parts = [sealed(each, digest_of) for each in tree.parts]
    return _hashed(tree.kind, parts if tree.is_ordered else sorted(parts))


def _hashed(kind: str, parts: list[bytes]) -> bytes:
    found = hashlib.sha256()
    for each in (kind.encode(), *parts):
        found.update(len(each).to_bytes(_LENGTH_BYTES, "big"))
        found.update(each)
    return found.digest()
