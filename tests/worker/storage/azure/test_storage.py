"""What is Azure's alone: blocks, copies, which account is meant, and whom to blame."""

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from azure.storage.blob import ContainerClient
from support.azurite import WRONG_KEY, Azurite, azurite
from support.faults import Proxy, proxied

from buildstate_core.errors import (
    ArtifactLost,
    ArtifactUnreachable,
    BuildStateError,
    Conflict,
    InvalidInput,
    Unreachable,
)
from buildstate_worker.storage.azure import storage as azure
from buildstate_worker.storage.azure.client import sas_ended_at
from buildstate_worker.storage.azure.storage import AzureStorage
from buildstate_worker.storage.base import Storage
from buildstate_worker.storage.registry import storage_for
from buildstate_worker.transfer.parts import uploading
from buildstate_worker.transfer.ranges import read_ranges

PART_BYTES = 2**20
SEVERAL_PARTS = os.urandom(2**20) * 17 + b"and an odd end"


@pytest.fixture(scope="module")
def server() -> Iterator[Azurite]:
    with azurite() as server:
        yield server


@pytest.fixture(autouse=True)
def _environment(server: Azurite, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's environment, as an administrator would set it."""
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    set_environment(monkeypatch, server.environ())
    # So that a few megabytes are several blocks.
    monkeypatch.setattr(azure, "PART_BYTES", PART_BYTES)


def set_environment(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING", raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def container(server: Azurite) -> Iterator[ContainerClient]:
    with server.create_container(f"images-{uuid4().hex}") as container:
        yield container


@pytest.fixture
def root(container: ContainerClient) -> str:
    return f"az://{container.container_name}"


@pytest.fixture
def storage() -> Storage:
    return storage_for("az://images/image.raw")


@pytest.fixture
def proxy(server: Azurite, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy that the worker goes through."""
    with proxied(server.port) as proxy:
        set_environment(monkeypatch, server.environ(port=proxy.port))
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
        pytest.param(b"x" * PART_BYTES, id="exactly one block"),
        pytest.param(SEVERAL_PARTS, id="several blocks"),
    ],
)
def test_what_is_put_in_blocks_comes_back_in_ranges(
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
    ["a b.raw", "größe-日本.raw", "100%.raw", "a%20b.raw", "a#b?c.raw", "a+b&c=d.raw", "'q\"[1]*"],
)
def test_a_name_may_have_any_letters(
    storage: Storage, container: ContainerClient, root: str, name: str
) -> None:
    push(storage, f"{root}/{name}")
    storage.copy(f"{root}/{name}", f"{root}/copy/{name}")
    assert sorted(container.list_blob_names()) == sorted([name, f"copy/{name}"])
    found = {each.uri: each.size_bytes for each in storage.listing(f"{root}/")}
    assert found == {f"{root}/{name}": 8, f"{root}/copy/{name}": 8}
    assert pull(storage, f"{root}/copy/{name}") == b"an image"
    storage.remove(f"{root}/{name}")
    storage.remove(f"{root}/{name}")
    assert list(container.list_blob_names()) == [f"copy/{name}"]


@pytest.mark.parametrize("name", ["a/../image.raw", "./image.raw", "a\\image.raw"])
def test_a_name_that_azure_would_change_is_refused(storage: Storage, root: str, name: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be a blob"):
        storage.size_of(f"{root}/{name}")


def test_a_listing_takes_a_prefix_and_leaves_folders_out(
    storage: Storage, container: ContainerClient, root: str
) -> None:
    for name in ("1/a.raw", "1/b.raw", "10/a.raw", "2/a.raw"):
        push(storage, f"{root}/{name}")
    # As an account with a hierarchical namespace shows its folders.
    container.upload_blob("1/folder", b"", metadata={"hdi_isfolder": "true"})
    assert [each.uri for each in storage.listing(f"{root}/1/")] == [
        f"{root}/1/a.raw",
        f"{root}/1/b.raw",
    ]
    assert len(list(storage.listing(root))) == 4
    assert storage.size_of(f"{root}/1/folder") is None


def test_a_second_upload_is_refused_before_it_sends_anything(
    storage: Storage, root: str, proxy: Proxy
) -> None:
    push(storage, f"{root}/image.raw", b"somebody's")
    with pytest.raises(Conflict):
        push(storage, f"{root}/image.raw", SEVERAL_PARTS)
    assert proxy.upload.count < len(SEVERAL_PARTS)
    assert pull(storage, f"{root}/image.raw") == b"somebody's"


def test_who_commits_second_does_not_overwrite(storage: Storage, root: str) -> None:
    def be_second() -> None:
        with storage.create(f"{root}/image.raw", expected_bytes=1) as upload:
            upload.put(0, b"late")
            push(storage, f"{root}/image.raw", b"somebody's")

    with pytest.raises(Conflict, match="never overwritten"):
        be_second()
    assert pull(storage, f"{root}/image.raw") == b"somebody's"


def test_an_upload_that_fails_leaves_no_blocks(
    storage: Storage, container: ContainerClient, root: str
) -> None:
    def fail() -> None:
        with uploading(storage, f"{root}/image.raw", expected_bytes=1) as sink:
            sink.write(SEVERAL_PARTS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list(container.list_blobs(include=["uncommittedblobs"])) == []


def test_an_answer_that_is_lost_makes_no_conflict_with_oneself(
    storage: Storage, root: str, proxy: Proxy
) -> None:
    with storage.create(f"{root}/image.raw", expected_bytes=1) as upload:
        upload.put(0, b"an image")
        proxy.download.cut()
    assert pull(storage, f"{root}/image.raw") == b"an image"


def test_a_connection_that_breaks_is_taken_up_again(
    storage: Storage, root: str, proxy: Proxy
) -> None:
    proxy.upload.cut(after=5 * 2**20)
    push(storage, f"{root}/image.raw", SEVERAL_PARTS)
    proxy.download.cut(after=3 * 2**20)
    assert pull(storage, f"{root}/image.raw") == SEVERAL_PARTS
    assert proxy.download.count < 2 * len(SEVERAL_PARTS)


def test_blocks_that_a_dead_worker_left_are_found_and_removed(
    storage: Storage, container: ContainerClient, root: str
) -> None:
    container.get_blob_client("1/image.raw").stage_block("left-by-the-dead", b"half an im")
    push(storage, f"{root}/1/whole.raw")
    push(storage, f"{root}/1/empty.raw", b"")
    (found,) = storage.unfinished(f"{root}/1/")
    assert (found.uri, found.size_bytes) == (f"{root}/1/image.raw", 10)
    with pytest.raises(ArtifactLost):
        storage.size_of(found.uri)
    storage.abandon(found)
    assert list(storage.unfinished(root)) == []
    assert sorted(container.list_blob_names()) == ["1/empty.raw", "1/whole.raw"]


def test_an_upload_that_ended_meanwhile_is_not_abandoned(storage: Storage, root: str) -> None:
    with storage.create(f"{root}/image.raw", expected_bytes=1) as upload:
        upload.put(0, b"an image")
        (found,) = storage.unfinished(root)
    storage.abandon(found)
    assert pull(storage, f"{root}/image.raw") == b"an image"


def test_blocks_of_the_dead_are_not_in_the_way_of_the_next_attempt(
    storage: Storage, container: ContainerClient, root: str
) -> None:
    container.get_blob_client("image.raw").stage_block(f"{uuid4().hex}-000000", b"half an im")
    push(storage, f"{root}/image.raw")
    assert pull(storage, f"{root}/image.raw") == b"an image"


def test_a_copy_does_not_overwrite_and_needs_its_source(storage: Storage, root: str) -> None:
    push(storage, f"{root}/source.raw")
    push(storage, f"{root}/target.raw", b"somebody's")
    with pytest.raises(Conflict):
        storage.copy(f"{root}/source.raw", f"{root}/target.raw")
    assert pull(storage, f"{root}/target.raw") == b"somebody's"
    with pytest.raises(ArtifactLost):
        storage.copy(f"{root}/nothing.raw", f"{root}/new.raw")


def test_an_artifact_of_a_terabyte_has_no_more_blocks_than_azure_takes(
    storage: Storage, root: str
) -> None:
    with storage.create(f"{root}/image.raw", expected_bytes=2**40) as upload:
        assert 2**40 / upload.part_bytes <= 50_000


def refused(storage: Storage, uri: str) -> list[BuildStateError]:
    """Give what each thing that a worker does is refused with."""
    acts: list[Any] = [
        lambda: storage.size_of(uri),
        lambda: storage.read(uri, 0, 1),
        lambda: push(storage, uri),
        lambda: storage.remove(uri),
        lambda: list(storage.listing(uri)),
        lambda: list(storage.unfinished(uri)),
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


def test_a_container_that_is_not_there_is_named(storage: Storage) -> None:
    errors = refused(storage, "az://no-such-thing/image.raw")
    assert_told(errors, why="there is no container no-such-thing", hint="container's name")


def test_a_wrong_key_is_named(
    storage: Storage, root: str, server: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch, server.environ(key=WRONG_KEY))
    errors = refused(storage, f"{root}/image.raw")
    assert_told(errors, why="authenticate", hint="Check AZURE_STORAGE_CONNECTION_STRING")


def test_a_token_that_may_only_read_reads_and_tells_what_it_lacks(
    storage: Storage,
    container: ContainerClient,
    root: str,
    server: Azurite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    push(storage, f"{root}/image.raw")
    sas = server.sas(container.container_name, "rl")
    set_environment(monkeypatch, {"AZURE_STORAGE_ACCOUNT_URL": server.url})
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", sas)
    reader = AzureStorage()
    assert pull(reader, f"{root}/image.raw") == b"an image"
    for act in (
        lambda: push(reader, f"{root}/new.raw"),
        lambda: reader.remove(f"{root}/image.raw"),
        lambda: reader.copy(f"{root}/image.raw", f"{root}/copy.raw"),
    ):
        with pytest.raises(Unreachable, match="not authorized") as caught:
            act()
        assert "Storage Blob Data Contributor" in (caught.value.hint or "")


def test_a_token_that_says_when_it_expired_is_quoted(
    storage: Storage, root: str, server: Azurite, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch, {"AZURE_STORAGE_ACCOUNT_URL": server.url})
    monkeypatch.setenv("AZURE_STORAGE_SAS_TOKEN", "?sv=2021&se=2024-02-29T12%3A00%3A00Z&sig=x%3D")
    errors = refused(storage, f"{root}/image.raw")
    assert_told(errors, why="expired at 2024-02-29T12:00:00", hint="AZURE_STORAGE_SAS_TOKEN")
    connection = {"AZURE_STORAGE_CONNECTION_STRING": "A=b;SharedAccessSignature=se=2024-02-29&a=b"}
    assert str(sas_ended_at(connection)) == "2024-02-29 00:00:00+00:00"
    assert sas_ended_at({"AZURE_STORAGE_SAS_TOKEN": "si=a-policy&sig=x"}) is None
