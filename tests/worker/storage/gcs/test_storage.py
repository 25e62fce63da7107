"""What is Google's alone: one upload in order, copies in steps, and whom to blame."""

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as google_storage
from support.faults import Proxy, proxied
from support.gcs import Gcs, gcs_server

from buildstate_core.errors import (
    ArtifactLost,
    ArtifactUnreachable,
    BuildStateError,
    Conflict,
    Unreachable,
)
from buildstate_worker.storage.base import Storage
from buildstate_worker.storage.gcs import storage as gcs
from buildstate_worker.storage.gcs.storage import GcsStorage
from buildstate_worker.storage.gcs.upload import ResumableUpload
from buildstate_worker.storage.registry import storage_for
from buildstate_worker.transfer.parts import uploading
from buildstate_worker.transfer.ranges import read_ranges

PART_BYTES = 2**20
SEVERAL_PARTS = os.urandom(2**20) * 17 + b"and an odd end"
VARIABLES = ("STORAGE_EMULATOR_HOST", "API_ENDPOINT_OVERRIDE", "GOOGLE_APPLICATION_CREDENTIALS")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gcs]:
    with gcs_server(tmp_path_factory.mktemp("gcs") / "server") as server:
        yield server


@pytest.fixture(autouse=True)
def _environment(server: Gcs, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The worker's environment, with a key, as an administrator would set it."""
    # Nobody is asked whether this machine is one of Google's.
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    set_environment(monkeypatch, server.environ())
    # So that a few megabytes are several parts.
    monkeypatch.setattr(ResumableUpload, "part_bytes", PART_BYTES)
    server.require_tokens()
    yield
    server.allow_all()


def set_environment(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(server: Gcs) -> Iterator[Any]:
    """A bucket as its administrator sees it."""
    server.allow_all()
    client = google_storage.Client(
        project="image-builders",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": server.url},
    )
    yield client.create_bucket(f"images-{uuid4().hex}")
    client.close()


@pytest.fixture
def root(bucket: Any) -> str:
    return f"gs://{bucket.name}"


@pytest.fixture
def storage() -> Storage:
    return storage_for("gs://images/image.raw")


@pytest.fixture
def proxy(server: Gcs, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy that the worker goes through."""
    with proxied(server.port) as proxy:
        set_environment(monkeypatch, server.environ(proxy.url))
        yield proxy


def push(storage: Storage, uri: str, data: bytes = b"an image") -> None:
    with uploading(storage, uri, expected_bytes=len(data)) as sink:
        sink.write(data)


def pull(storage: Storage, uri: str) -> bytes:
    size = storage.size_of(uri)
    assert size is not None
    return b"".join(read_ranges(storage, uri, start=0, size_bytes=size))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"x" * 2 * PART_BYTES, id="exactly two parts"),
        pytest.param(SEVERAL_PARTS, id="several parts"),
    ],
)
def test_what_is_put_in_parts_comes_back_in_ranges(
    storage: Storage, root: str, data: bytes
) -> None:
    uri = f"{root}/deep/image.raw"
    push(storage, uri, data)
    assert pull(storage, uri) == data
    assert storage.read(uri, len(data), 10) == b""
    if data:
        assert storage.read(uri, len(data) - 3, 10) == data[-3:]


@pytest.mark.parametrize(
    "name",
    ["a b.raw", "größe-日本.raw", "100%.raw", "a%20b.raw", "a#b?c.raw", "a+b&c=d.raw", "a/../b"],
)
def test_a_name_may_have_any_letters(storage: Storage, bucket: Any, root: str, name: str) -> None:
    push(storage, f"{root}/{name}")
    storage.copy(f"{root}/{name}", f"{root}/copy/{name}")
    assert sorted(blob.name for blob in bucket.list_blobs()) == sorted([name, f"copy/{name}"])
    found = {each.uri: each.size_bytes for each in storage.listing(f"{root}/")}
    assert found == {f"{root}/{name}": 8, f"{root}/copy/{name}": 8}
    assert pull(storage, f"{root}/copy/{name}") == b"an image"
    storage.remove(f"{root}/{name}")
    storage.remove(f"{root}/{name}")
    assert [blob.name for blob in bucket.list_blobs()] == [f"copy/{name}"]


def test_a_listing_takes_a_prefix(storage: Storage, root: str) -> None:
    for name in ("1/a.raw", "1/b.raw", "10/a.raw", "2/a.raw"):
        push(storage, f"{root}/{name}")
    assert [each.uri for each in storage.listing(f"{root}/1/")] == [
        f"{root}/1/a.raw",
        f"{root}/1/b.raw",
    ]
    assert len(list(storage.listing(root))) == 4


def test_a_second_upload_is_refused_before_it_sends_anything(
    storage: Storage, root: str, proxy: Proxy
) -> None:
    push(storage, f"{root}/image.raw", b"somebody's")
    with pytest.raises(Conflict):
        push(storage, f"{root}/image.raw", SEVERAL_PARTS)
    assert proxy.upload.count < len(SEVERAL_PARTS)
    assert pull(storage, f"{root}/image.raw") == b"somebody's"


def test_who_ends_second_does_not_overwrite(storage: Storage, root: str) -> None:
    def be_second() -> None:
        with storage.create(f"{root}/image.raw", expected_bytes=1) as upload:
            upload.put(0, b"late")
            push(storage, f"{root}/image.raw", b"somebody's")

    with pytest.raises(Conflict, match="never overwritten"):
        be_second()
    assert pull(storage, f"{root}/image.raw") == b"somebody's"


def test_an_upload_that_fails_leaves_nothing(
    storage: Storage, server: Gcs, bucket: Any, root: str
) -> None:
    def fail() -> None:
        with uploading(storage, f"{root}/image.raw", expected_bytes=1) as sink:
            sink.write(SEVERAL_PARTS)
            raise ZeroDivisionError

    kept = len(list((server.folder / "objects").iterdir()))
    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(bucket.list_blobs()) == []
    assert len(list((server.folder / "objects").iterdir())) == kept
    assert list(storage.unfinished(root)) == []


@pytest.mark.parametrize("parts", [0, 1, 2])
def test_an_answer_that_is_lost_makes_no_conflict_with_oneself(
    storage: Storage, root: str, proxy: Proxy, parts: int
) -> None:
    with storage.create(f"{root}/image.raw", expected_bytes=1) as upload:
        for number in range(parts):
            upload.put(number, b"x" * PART_BYTES)
        proxy.download.cut()
    assert storage.size_of(f"{root}/image.raw") == parts * PART_BYTES


def test_an_object_whose_answers_were_all_lost_is_removed_again(
    storage: Storage, bucket: Any, root: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = ResumableUpload._ask

    def heal_late(upload: ResumableUpload, total: str) -> None:
        if total == "*":
            proxy.heal()
        answered(upload, total)

    monkeypatch.setattr(ResumableUpload, "_ask", heal_late)
    monkeypatch.setattr(
        "buildstate_worker.storage.gcs.upload._PATIENCE", gcs.DEFAULT_RETRY.with_timeout(0.1)
    )

    def push_in_vain() -> None:
        with storage.create(f"{root}/image.raw", expected_bytes=1) as upload:
            upload.put(0, b"an image")
            proxy.download.cut(every=True)
            proxy.drop()

    with pytest.raises(Unreachable):
        push_in_vain()
    assert list(bucket.list_blobs()) == []


def test_a_connection_that_breaks_is_taken_up_again(
    storage: Storage, root: str, proxy: Proxy
) -> None:
    proxy.upload.cut(after=5 * 2**20 + 700_000)
    push(storage, f"{root}/image.raw", SEVERAL_PARTS)
    # No more than the part that broke off was sent again.
    assert proxy.upload.count < len(SEVERAL_PARTS) + PART_BYTES
    proxy.download.cut(after=3 * 2**20)
    assert pull(storage, f"{root}/image.raw") == SEVERAL_PARTS
    assert proxy.download.count < 2 * len(SEVERAL_PARTS)


def test_what_was_kept_of_a_part_is_not_sent_again(
    storage: Storage, root: str, server: Gcs, proxy: Proxy
) -> None:
    content = os.urandom(PART_BYTES + PART_BYTES // 2 + 5)
    server.keep_at_most(PART_BYTES // 2)
    push(storage, f"{root}/image.raw", content)
    assert pull(storage, f"{root}/image.raw") == content
    # Half of the first part, and five bytes of the second, went twice.
    again = proxy.upload.count - len(content)
    assert PART_BYTES // 2 < again < PART_BYTES // 2 + 20_000


def test_a_copy_takes_its_steps_does_not_overwrite_and_needs_its_source(
    storage: Storage, root: str
) -> None:
    push(storage, f"{root}/source.raw", SEVERAL_PARTS)
    storage.copy(f"{root}/source.raw", f"{root}/copy.raw")
    assert pull(storage, f"{root}/copy.raw") == SEVERAL_PARTS
    push(storage, f"{root}/target.raw", b"somebody's")
    with pytest.raises(Conflict):
        storage.copy(f"{root}/source.raw", f"{root}/target.raw")
    assert pull(storage, f"{root}/target.raw") == b"somebody's"
    with pytest.raises(ArtifactLost):
        storage.copy(f"{root}/nothing.raw", f"{root}/new.raw")


def test_a_copy_whose_answer_is_lost_makes_no_conflict_with_oneself(
    storage: Storage, root: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(storage, f"{root}/source.raw")
    size_of = storage.size_of

    def then_cut(uri: str) -> int | None:
        size = size_of(uri)
        proxy.download.cut()
        return size

    monkeypatch.setattr(storage, "size_of", then_cut)
    storage.copy(f"{root}/source.raw", f"{root}/copy.raw")
    assert size_of(f"{root}/copy.raw") == 8


def test_a_token_that_expires_in_the_middle_is_renewed(
    storage: Storage, root: str, server: Gcs
) -> None:
    with storage.create(f"{root}/image.raw", expected_bytes=1) as upload:
        upload.put(0, b"x" * PART_BYTES)
        server.expire_tokens()
        upload.put(1, b"the end")
        server.expire_tokens()
    server.expire_tokens()
    assert storage.read(f"{root}/image.raw", PART_BYTES, 99) == b"the end"


def refused(storage: Storage, uri: str) -> list[BuildStateError]:
    """Give what each thing that a worker does is refused with."""
    acts: list[Any] = [
        lambda: storage.size_of(uri),
        lambda: storage.read(uri, 0, 1),
        lambda: push(storage, uri),
        lambda: storage.remove(uri),
        lambda: list(storage.listing(uri)),
        lambda: storage.copy(uri, f"{uri}.copy"),
    ]
    errors = []
    for act in acts:
        with pytest.raises(BuildStateError) as caught:
            act()
        errors.append(caught.value)
    return errors


def assert_told(errors: list[BuildStateError], *, why: str, hint: str) -> None:
    """Nobody takes it for an artifact that is gone, and everybody learns what to do."""
    for error in errors:
        assert isinstance(error, ArtifactUnreachable | Unreachable), error
        assert why in error.message
        assert hint in (error.hint or "")
        assert "\n" not in error.message


def test_what_is_gone_is_gone_and_a_bucket_that_is_not_there_is_named(
    storage: Storage, root: str
) -> None:
    with pytest.raises(ArtifactLost):
        storage.size_of(f"{root}/nothing.raw")
    with pytest.raises(ArtifactLost):
        storage.read(f"{root}/nothing.raw", 0, 1)
    errors = refused(storage, "gs://no-such-thing/image.raw")
    assert_told(errors, why="there is no bucket no-such-thing", hint="bucket's name")


def test_a_permission_that_is_lacking_is_named(storage: Storage, root: str, server: Gcs) -> None:
    push(storage, f"{root}/image.raw")
    server.deny(*[f"storage.objects.{each}" for each in ("get", "list", "create", "delete")])
    errors = refused(storage, f"{root}/image.raw")
    assert_told(errors, why="does not have storage.objects.", hint="roles/storage.objectUser")


def test_who_may_not_list_cannot_tell_that_it_is_gone(
    storage: Storage, root: str, server: Gcs
) -> None:
    server.deny("storage.objects.list")
    with pytest.raises(ArtifactUnreachable, match=r"storage\.objects\.list"):
        storage.size_of(f"{root}/nothing.raw")


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        pytest.param({}, "this worker has no Google credentials", id="none"),
        pytest.param(
            {"GOOGLE_APPLICATION_CREDENTIALS": "/nowhere/key.json"},
            "GOOGLE_APPLICATION_CREDENTIALS cannot be used: File /nowhere/key.json was not found",
            id="no file",
        ),
    ],
)
def test_credentials_that_are_missing_are_named(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], why: str
) -> None:
    # Where gcloud keeps what somebody has logged in as.
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nowhere")
    set_environment(monkeypatch, environ)
    assert_told(
        refused(storage, "gs://images/image.raw"), why=why, hint="GOOGLE_APPLICATION_CREDENTIALS"
    )


@pytest.mark.parametrize(
    ("url", "why"),
    [
        pytest.param("http://nowhere.invalid", "the host nowhere.invalid is not", id="no host"),
        pytest.param("nonsense", "Invalid URL", id="no URL at all"),
    ],
)
def test_a_server_that_cannot_be_reached_is_told(
    server: Gcs, monkeypatch: pytest.MonkeyPatch, url: str, why: str
) -> None:
    patience = {"timeout": (1, 0.2), "retry": gcs.DEFAULT_RETRY.with_timeout(0.5)}
    monkeypatch.setattr(gcs, "_LOOKING", patience)
    set_environment(monkeypatch, server.anonymous_environ(url))
    with pytest.raises(ArtifactUnreachable, match=why) as caught:
        GcsStorage().size_of("gs://images/image.raw")
    assert "STORAGE_EMULATOR_HOST" in (caught.value.hint or "")
