"""Verifying a cache."""

import hashlib
import os
from pathlib import Path

from buildstate_worker.cache.verify import verified

from .additions import checksum_of, content_of, filled, names_in


def test_verification_removes_what_is_damaged_and_keeps_the_order(tmp_path: Path) -> None:
    cache = filled(tmp_path, "abc", limit=100)
    path = cache.path_of(checksum_of("b"))
    before = path.stat()
    path.chmod(0o600)
    path.write_bytes(b"X" + content_of("b")[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = [(each.entry.checksum, each.damage) for each in verified(cache)]
    assert found == [
        (checksum_of("a"), None),
        (checksum_of("b"), f"its digest is {digest(b'X' + content_of('b')[1:])}"),
        (checksum_of("c"), None),
    ]
    assert names_in(cache) == "ac"


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
