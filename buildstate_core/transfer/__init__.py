"""Artifact bytes: from a workspace to a storage, and back on any worker.

    store = ArtifactStore(cache_dir=settings.cache_dir)
    pushed = store.push(Path("out/image.qcow2"), "s3://images/123/25/0198/image.qcow2")
    store.check(pushed.uri, size_bytes=pushed.size_bytes)
    store.pull(pushed.uri, Path("image.qcow2"), checksum=pushed.checksum, size_bytes=None)

- `store`: `ArtifactStore`, the whole of it for a caller: push, check, pull, discard
- `uris`: which storage a URI means, and whether its bytes can be moved
- `sources`, `digests`: what can become an artifact, and its digest
- `archive`, `unpacking`: folders as deterministic tar archives, and back; `links` in them
- `cache`, `placing`: pulled bytes by digest, and private copies of them
- `locks`, `upkeep`: who uses a file of the cache now, and whether it is still whole
- `storage`: what a storage has to do; `local` and `s3` do it

Importing this loads neither fsspec nor any cloud's library: `s3` is loaded when the first `s3://`
URI is touched.
"""

from buildstate_core.transfer.digests import digest_of
from buildstate_core.transfer.registry import transferable
from buildstate_core.transfer.store import ArtifactStore, Packed, Pulled, Pushed
from buildstate_core.transfer.uris import storage_type_of

__all__ = [
    "ArtifactStore",
    "Packed",
    "Pulled",
    "Pushed",
    "digest_of",
    "storage_type_of",
    "transferable",
]
