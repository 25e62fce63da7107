"""What S3 may answer, and what is made of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.s3_front import Front, always, fronted, verb

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable, Conflict, Unreachable
from buildstate_worker.storage.base import Listed, Storage
from buildstate_worker.storage.registry import storage_for
from buildstate_worker.storage.s3 import client as s3_clients
from buildstate_worker.storage.s3 import session as aws_session
from buildstate_worker.storage.s3 import storage as s3
from buildstate_worker.transfer import ArtifactStore
from buildstate_worker.transfer.parts import uploading

MIB = 2**20


@pytest.fixture
def front(s3_environment: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    with fronted(s3_environment) as front:
        monkeypatch.setenv("AWS_ENDPOINT_URL", front.url)
        yield front


@pytest.fixture
def bucket(bucket: Any, front: Front) -> Any:
    """The administrator's way is not through the front."""
    assert front.url != bucket.s3.meta.endpoint_url
    return bucket


@pytest.fixture
def storage(bucket: Any) -> Storage:
    return storage_for(bucket.root)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """One try, so that a test need not wait for more."""
    monkeypatch.setattr(aws_session, "LOOKS", 1)
    monkeypatch.setattr(s3_clients, "MOVES", 1)


def make_file(workspace: Path, content: bytes = b"an image") -> Path:
    path = workspace / "image.raw"
    path.write_bytes(content)
    return path


ANSWERS = [
    pytest.param(403, "AccessDenied", "access is denied", "AWS_PROFILE", id="denied"),
    pytest.param(400, "ExpiredToken", "credentials have expired", "Renew", id="expired"),
    pytest.param(403, "InvalidAccessKeyId", "does not know this access key", "AWS_", id="key"),
    pytest.param(403, "SignatureDoesNotMatch", "secret key does not fit", "SECRET", id="secret"),
    pytest.param(403, "RequestTimeTooSkewed", "clock", "timedatectl", id="clock"),
    pytest.param(400, "AuthorizationHeaderMalformed", "another region", "REGION", id="region"),
    pytest.param(404, "NoSuchBucket", "there is no bucket", "bucket's name", id="bucket"),
    pytest.param(503, "SlowDown", "too busy", "later", id="busy"),
    pytest.param(400, "RequestTimeout", "too slow", "network", id="slow"),
    pytest.param(403, "QuotaExceeded", "is full", "quota", id="full"),
    pytest.param(400, "KMS.DisabledException", "encryption key", "BLDST_S3_KMS_KEY_ID", id="kms"),
    pytest.param(418, "Teapot", "so it is (Teapot)", "AWS_ENDPOINT_URL", id="unheard of"),
]


@pytest.mark.parametrize(("status", "code", "says", "hint"), ANSWERS)
@pytest.mark.usefixtures("impatient")
def test_every_refusal_has_its_sentence_whatever_is_done(
    storage: Storage, bucket: Any, front: Front, status: int, code: str, says: str, hint: str
) -> None:
    front.refuse(always, status, code)
    uri = bucket.uri("image.raw")
    with pytest.raises(ArtifactUnreachable) as looking:
        storage.size_of(uri)
    with pytest.raises(ArtifactUnreachable) as reading:
        storage.read(uri, 0, 8)
    with pytest.raises(Unreachable) as removing:
        storage.remove(uri)
    with pytest.raises(Unreachable) as listing:
        list(storage.listing(bucket.root))
    with pytest.raises(Unreachable) as creating, storage.create(uri, expected_bytes=8):
        pass
    for caught in (looking, reading, removing, listing, creating):
        assert says in caught.value.message
        assert hint in str(caught.value.hint)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("status", [200, 404, 405])
def test_a_web_server_is_not_taken_for_a_storage_that_lost_something(
    storage: Storage, bucket: Any, front: Front, status: int
) -> None:
    front.refuse(always, status, "", body="<html><body>It works!</body></html>")
    for act in (storage.size_of, lambda uri: storage.read(uri, 0, 8)):
        with pytest.raises(ArtifactUnreachable, match="AWS_ENDPOINT_URL"):
            act(bucket.uri("image.raw"))


def test_an_archived_artifact_has_to_be_restored_first(
    bucket: Any, storage: Storage, front: Front
) -> None:
    bucket.s3.put_object(Bucket=bucket.name, Key="image.raw", Body=b"12", StorageClass="GLACIER")
    uri = bucket.uri("image.raw")
    assert storage.size_of(uri) == 2
    with pytest.raises(ArtifactUnreachable, match=r"archived.*Restore it first"):
        storage.read(uri, 0, 2)
    front.refuse(verb("PUT", "partNumber"), 403, "InvalidObjectState")
    with pytest.raises(ArtifactUnreachable, match=r"image\.raw.*archived.*Restore it first"):
        storage.copy(uri, bucket.uri("copy.raw"))


def test_a_storage_that_knows_no_ranges_is_not_believed(
    storage: Storage, bucket: Any, front: Front
) -> None:
    front.refuse(verb("GET"), 200, "", body="an image, all of it")
    with pytest.raises(ArtifactUnreachable, match="sends the whole object"):
        storage.read(bucket.uri("image.raw"), 3, 4)


def test_a_range_beyond_the_end_is_empty(storage: Storage, bucket: Any) -> None:
    bucket.write("image.raw", b"an image")
    assert storage.read(bucket.uri("image.raw"), 3, 100) == b"image"
    assert storage.read(bucket.uri("image.raw"), 8, 100) == b""


@pytest.mark.parametrize("tries", [1, 2])
def test_a_completion_whose_answer_is_lost_is_found_to_have_happened(
    store: ArtifactStore,
    bucket: Any,
    front: Front,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    tries: int,
) -> None:
    monkeypatch.setattr(s3_clients, "MOVES", tries)
    front.lose_answer(verb("POST", "uploadId="))
    store.push(make_file(workspace), bucket.uri("image.raw"))
    assert bucket.read("image.raw") == b"an image"
    assert bucket.unfinished() == 0


@pytest.mark.usefixtures("impatient")
def test_a_completion_that_fails_leaves_nothing(
    store: ArtifactStore, bucket: Any, front: Front, workspace: Path
) -> None:
    front.refuse(verb("POST", "uploadId="), 500, "InternalError")
    with pytest.raises(Unreachable, match="InternalError"):
        store.push(make_file(workspace), bucket.uri("image.raw"))
    assert bucket.names() == []
    assert bucket.unfinished() == 0


@pytest.mark.usefixtures("impatient")
def test_what_another_put_there_meanwhile_stays(
    storage: Storage, bucket: Any, front: Front
) -> None:
    def push() -> None:
        with uploading(storage, bucket.uri("image.raw"), expected_bytes=2) as upload:
            upload.write(b"my")
            bucket.write("image.raw", b"somebody's")

    with pytest.raises(Conflict, match="never overwritten"):
        push()
    assert bucket.read("image.raw") == b"somebody's"
    assert bucket.unfinished() == 0
    # The same when nobody can say what became of it.
    bucket.delete("image.raw")
    front.refuse(verb("POST", "uploadId="), 500, "InternalError")
    with pytest.raises(Conflict, match="never overwritten"):
        push()
    assert bucket.read("image.raw") == b"somebody's"
    assert bucket.unfinished() == 0


def test_a_storage_that_cannot_promise_not_to_overwrite_is_used_all_the_same(
    store: ArtifactStore, bucket: Any, front: Front, workspace: Path
) -> None:
    front.refuse(lambda request: "If-None-Match" in request.headers, 501, "NotImplemented")
    store.push(make_file(workspace), bucket.uri("image.raw"))
    assert bucket.read("image.raw") == b"an image"


@pytest.mark.parametrize("size", [0, 8, 12 * MIB + 1])
def test_a_copy_is_made_by_the_storage_alone(
    storage: Storage, bucket: Any, front: Front, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(s3, "COPY_BYTES", 5 * MIB)
    monkeypatch.setattr(s3, "PART_BYTES", 5 * MIB)
    content = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    bucket.write("größe + 1%.raw", content)
    storage.copy(bucket.uri("größe + 1%.raw"), bucket.uri("copy.raw"))
    assert bucket.read("copy.raw") == content
    assert bucket.unfinished() == 0
    assert not any(each.startswith("GET") for each in front.requests)
    with pytest.raises(Conflict):
        storage.copy(bucket.uri("größe + 1%.raw"), bucket.uri("copy.raw"))


def test_a_copy_of_what_is_gone_says_which(storage: Storage, bucket: Any) -> None:
    with pytest.raises(ArtifactLost, match=r"lost\.raw"):
        storage.copy(bucket.uri("lost.raw"), bucket.uri("copy.raw"))
    assert bucket.unfinished() == 0


def test_only_what_lies_under_the_prefix_is_listed_and_abandoned(
    storage: Storage, bucket: Any
) -> None:
    for name in ("123/größe a%20b.raw", "123/folder/", "1234/image.raw", "9/image.raw"):
        bucket.write(name, b"an image")
    for name in ("123/a.raw", "9/a.raw"):
        bucket.s3.create_multipart_upload(Bucket=bucket.name, Key=name)
    listed = list(storage.listing(bucket.uri("123")))
    assert [each.uri for each in listed] == [
        bucket.uri("123/größe a%20b.raw"),
        bucket.uri("1234/image.raw"),
    ]
    assert isinstance(listed[0], Listed)
    assert listed[0].size_bytes == 8
    assert listed[0].modified_at.tzinfo is not None
    assert len(list(storage.listing(bucket.root))) == 3
    (found,) = storage.unfinished(bucket.uri("123/"))
    assert found.uri == bucket.uri("123/a.raw")
    storage.abandon(found)
    storage.abandon(found)
    assert [each.uri for each in storage.unfinished(bucket.root)] == [bucket.uri("9/a.raw")]


def test_an_upload_is_as_old_as_its_newest_part(storage: Storage, bucket: Any) -> None:
    """Its server says of each upload that it began in 2010."""
    with storage.create(bucket.uri("a.raw"), expected_bytes=MIB) as upload:
        (begun,) = storage.unfinished(bucket.root)
        upload.put(0, b"x" * MIB)
        (found,) = storage.unfinished(bucket.root)
    assert (begun.size_bytes, found.size_bytes) == (0, MIB)
    assert found.started_at > begun.started_at


def test_checksums_of_s3_are_added_where_the_worker_asks_for_them(
    store: ArtifactStore,
    bucket: Any,
    front: Front,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lacks_checksum(request: Any) -> bool:
        return request.command == "PUT" and "x-amz-checksum-crc32" not in request.headers

    front.refuse(lacks_checksum, 400, "InvalidRequest")
    with pytest.raises(Unreachable, match="InvalidRequest"):
        store.push(make_file(workspace), bucket.uri("image.raw"))
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_supported")
    asking = ArtifactStore(cache_dir=workspace / "cache")
    asking.push(make_file(workspace), bucket.uri("image.raw"))
    assert bucket.read("image.raw") == b"an image"
