"""Artifact bytes: from a workspace to a storage, and back on any worker.

    store = ArtifactStore(cache_dir=settings.cache_dir)
    pushed = store.push(Path("out/image.qcow2"), "s3://images/123/25/0198/image.qcow2")
    store.check(pushed.uri, size_bytes=pushed.size_bytes)
    store.pull(pushed.uri, Path("image.qcow2"), checksum=pushed.checksum, size_bytes=None)

- `store`: `ArtifactStore`, the whole of it for a caller: push, check, pull, discard
- `sources`, `digests`: what can become an artifact, and its digest
- `parts`, `ranges`: uploads and downloads in several pieces at once; `blocks` of one
  size; `read_ahead` between threads
- `download`, `place`, `tee`: bytes into the cache, and private copies of them; `swap`: putting them
  at their target; `overwrite_check`: what must not be replaced
- `archive`: folders as deterministic tar archives, and back

Importing this loads neither fsspec nor any cloud's library: an adapter is loaded when the first URI
of its storage is touched.
"""

from buildstate_worker.storage.registry import transferable
from buildstate_worker.storage.uris import storage_type_of
from buildstate_worker.transfer.digests import digest_of
from buildstate_worker.transfer.store import ArtifactStore, Packed, Pulled, Pushed

__all__ = [
    "ArtifactStore",
    "Packed",
    "Pulled",
    "Pushed",
    "digest_of",
    "storage_type_of",
    "transferable",
]
