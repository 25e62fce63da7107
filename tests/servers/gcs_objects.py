"""What Google Cloud Storage promises about objects, on a folder; `gcs.py` is its HTTP."""

import base64
import hashlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import google_crc32c

CHUNK_BYTES: Final = 256 * 1024
"""An unfinished upload keeps whole multiples of this."""
REWRITE_BYTES: Final = 8 * 1024 * 1024
"""How much of an object one call copies: the service may answer at any time that more is to do."""


class Refused(Exception):
    """The request is answered with an error, in the service's form."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message

    @property
    def document(self) -> dict[str, Any]:
        error = {"message": self.message, "domain": "global", "reason": self.reason}
        return {"error": {"code": self.status, "message": self.message, "errors": [error]}}


@dataclass
class Content:
    """Bytes in a file that grows, and their checksums."""

    path: Path
    size: int = 0
    _md5: Any = field(default_factory=hashlib.md5)
    _crc32c: Any = field(default_factory=google_crc32c.Checksum)

    def append(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)
        self._md5.update(data)
        self._crc32c.update(data)
        self.size += len(data)

    @property
    def checksums(self) -> dict[str, str]:
        digests = {"md5Hash": self._md5.digest(), "crc32c": self._crc32c.digest()}
        return {name: base64.b64encode(each).decode() for name, each in digests.items()}


@dataclass
class Object:
    content: Content
    resource: dict[str, Any]

    @property
    def generation(self) -> str:
        return str(self.resource["generation"])


@dataclass(frozen=True)
class Conditions:
    """What must hold of an object, or of there being none (generation 0)."""

    generation: str | None = None
    metageneration: str | None = None

    @classmethod
    def of(cls, query: dict[str, str], prefix: str = "if") -> "Conditions":
        return cls(query.get(f"{prefix}GenerationMatch"), query.get(f"{prefix}MetagenerationMatch"))

    def check(self, found: Object | None) -> None:
        wanted = {"generation": self.generation, "metageneration": self.metageneration}
        for name, value in wanted.items():
            actual = str(found.resource[name]) if found else "0"
            if value is not None and value != actual:
                raise Refused(
                    412,
                    "conditionNotMet",
                    "At least one of the pre-conditions you specified did not hold.",
                )


@dataclass
class Session:
    """A resumable upload that has begun."""

    bucket: str
    wished: dict[str, Any]
    conditions: Conditions
    content: Content
    pending: bytes = b""
    turn: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take_over(self) -> int:
        """Let the newest request alone go on: one whose client left may still be at work."""
        with self._lock:
            self.turn += 1
            self.pending = b""
            return self.turn

    def write(self, blocks: Iterable[bytes], skip: int, turn: int) -> None:
        """Keep whole multiples of what comes, even if it breaks off; `skip` are there already."""
        for block in blocks:
            with self._lock:
                if turn != self.turn:
                    raise ConnectionError("another request has taken over")
                self.pending += block[skip:]
                skip = max(0, skip - len(block))
                whole = len(self.pending) // CHUNK_BYTES * CHUNK_BYTES
                self.content.append(self.pending[:whole])
                self.pending = self.pending[whole:]


class Objects:
    """All buckets. Every change is whole or not at all, and is seen at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._buckets: dict[str, dict[str, Object]] = {}
        self._generation = 1_700_000_000_000_000
        self._lock = threading.RLock()
        self.sessions: dict[str, Session] = {}
        self.finished: dict[str, dict[str, Any]] = {}

    def new_content(self) -> Content:
        path = self._folder / uuid4().hex
        path.touch()
        return Content(path)

    def create_bucket(self, name: str) -> dict[str, Any]:
        with self._lock:
            if name in self._buckets:
                raise Refused(409, "conflict", "Your previous request to create it succeeded.")
            self._buckets[name] = {}
        return self.bucket_resource(name)

    def bucket_resource(self, name: str) -> dict[str, Any]:
        self._bucket(name)
        return {"kind": "storage#bucket", "id": name, "name": name, "location": "US"}

    def begin(self, bucket: str, wished: dict[str, Any], conditions: Conditions) -> str:
        """Begin a resumable upload."""
        with self._lock:
            conditions.check(self._bucket(bucket).get(wished["name"]))
            upload_id = uuid4().hex
            self.sessions[upload_id] = Session(bucket, wished, conditions, self.new_content())
            return upload_id

    def cancel(self, upload_id: str) -> None:
        with self._lock:
            self.sessions.pop(upload_id).content.path.unlink()

    def finish(self, upload_id: str, sent: dict[str, str]) -> dict[str, Any]:
        """Make the object; `sent` are checksums that came with the last bytes."""
        session = self.sessions.pop(upload_id)
        session.content.append(session.pending)
        wished = {**session.wished, **sent}
        resource = self.put(session.bucket, wished, session.content, session.conditions)
        self.finished[upload_id] = resource
        return resource

    def put(
        self, bucket: str, wished: dict[str, Any], content: Content, conditions: Conditions
    ) -> dict[str, Any]:
        """Make an object of the content, or remove it.

        Args:
            bucket: Where.
            wished: The resource as the client sent it; checksums are compared.
            content: The bytes, all of them.
            conditions: What must hold of the object that it replaces.
        """
        try:
            for name, value in content.checksums.items():
                if wished.get(name, value) != value:
                    raise Refused(400, "invalid", f"Provided {name} hash doesn't match calculated.")
            with self._lock:
                objects = self._bucket(bucket)
                old = objects.get(wished["name"])
                conditions.check(old)
                resource = self._resource(bucket, wished, content)
                objects[wished["name"]] = Object(content, resource)
        except Refused:
            content.path.unlink()
            raise
        if old:
            old.content.path.unlink()
        return resource

    def get(self, bucket: str, name: str, query: dict[str, str]) -> Object:
        with self._lock:
            found = self._bucket(bucket).get(name)
            generation = query.get("generation")
            if found is None or (generation and generation != found.generation):
                raise Refused(404, "notFound", f"No such object: {bucket}/{name}")
            Conditions.of(query).check(found)
            return found

    def delete(self, bucket: str, name: str, query: dict[str, str]) -> None:
        with self._lock:
            self.get(bucket, name, query).content.path.unlink()
            del self._buckets[bucket][name]

    def patch(
        self, bucket: str, name: str, query: dict[str, str], change: dict[str, Any]
    ) -> dict[str, Any]:
        """Change custom metadata, in which `None` removes a key, and the content type."""
        unknown = set(change) - {"metadata", "contentType"}
        if unknown:
            raise Refused(501, "notImplemented", f"cannot change {sorted(unknown)}")
        with self._lock:
            resource = self.get(bucket, name, query).resource
            custom = {**resource.get("metadata", {}), **(change.pop("metadata", None) or {})}
            resource.update(change)
            resource["metadata"] = {key: each for key, each in custom.items() if each is not None}
            resource["metageneration"] = str(int(resource["metageneration"]) + 1)
            return resource

    def copy(
        self, source: Object, bucket: str, wished: dict[str, Any], conditions: Conditions
    ) -> dict[str, Any]:
        kept = {each: source.resource.get(each) for each in ("contentType", "metadata")}
        return self.put(bucket, {**kept, **wished}, self._copied([source]), conditions)

    def compose(
        self, sources: list[Object], bucket: str, wished: dict[str, Any], conditions: Conditions
    ) -> dict[str, Any]:
        resource = self.put(bucket, wished, self._copied(sources), conditions)
        del resource["md5Hash"]
        resource["componentCount"] = len(sources)
        return resource

    def list(self, bucket: str, query: dict[str, str]) -> dict[str, Any]:
        """One page, sorted by name; with a delimiter, folders are given as prefixes."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        with self._lock:
            found = dict(sorted(self._bucket(bucket).items()))
        entries: dict[str, Object | None] = {}
        for name, each in found.items():
            if name.startswith(prefix):
                head, cut, _ = name[len(prefix) :].partition(delimiter or "\0")
                entries[prefix + head + cut if cut else name] = None if cut else each
        left = [name for name in entries if name > query.get("pageToken", "")]
        page = left[: int(query.get("maxResults", 1000))]
        answer: dict[str, Any] = {"kind": "storage#objects"}
        answer["items"] = [each.resource for name in page if (each := entries[name])]
        answer["prefixes"] = [name for name in page if entries[name] is None]
        if len(page) < len(left):
            answer["nextPageToken"] = page[-1]
        return answer

    def _bucket(self, name: str) -> dict[str, Object]:
        with self._lock:
            if name not in self._buckets:
                raise Refused(404, "notFound", "The specified bucket does not exist.")
            return self._buckets[name]

    def _resource(self, bucket: str, wished: dict[str, Any], content: Content) -> dict[str, Any]:
        self._generation += 1
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        name = wished["name"]
        return {
            "kind": "storage#object",
            "id": f"{bucket}/{name}/{self._generation}",
            "name": name,
            "bucket": bucket,
            "generation": str(self._generation),
            "metageneration": "1",
            "contentType": wished.get("contentType") or "application/octet-stream",
            "metadata": wished.get("metadata") or {},
            "storageClass": wished.get("storageClass", "STANDARD"),
            "size": str(content.size),
            "etag": base64.b64encode(str(self._generation).encode()).decode(),
            "timeCreated": now,
            "updated": now,
            **content.checksums,
        }

    def _copied(self, sources: Iterable[Object]) -> Content:
        copy = self.new_content()
        for source in sources:
            for block in blocks_of(source.content.path, 0, source.content.size):
                copy.append(block)
        return copy


def blocks_of(path: Path, start: int, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while size and (block := file.read(min(size, CHUNK_BYTES))):
            size -= len(block)
            yield block
