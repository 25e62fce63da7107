"""That the storage servers of the tests work, and fail when they are told to."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import asyncssh
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import ContainerClient
from botocore.exceptions import ClientError
from google.api_core.exceptions import Forbidden, PreconditionFailed
from google.auth.exceptions import RefreshError
from google.cloud import storage
from support.azurite import Azurite, azurite
from support.disks import nfs_like, small_disk
from support.faults import Proxy, proxied
from support.gcs import Gcs, gcs_server
from support.s3 import S3, s3_server
from support.sftp import READER, Sftp, sftp_server
from support.waiting import until

IMAGE = os.urandom(1_000_000)
NAME = "rhel 9/größe.raw"


@pytest.fixture
def azure() -> Iterator[Azurite]:
    with azurite() as server:
        yield server


@pytest.fixture
def gcs(tmp_path: Path) -> Iterator[Gcs]:
    with gcs_server(tmp_path / "gcs") as server:
        yield server


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[S3]:
    with s3_server(tmp_path / "s3") as server:
        yield server


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[Sftp]:
    with sftp_server(tmp_path / "sftp") as server:
        yield server


def test_azurite_takes_a_signature_until_it_expires(azure: Azurite) -> None:
    azure.create_container("images").close()
    connection = azure.sas_environ(azure.sas("images"))["AZURE_STORAGE_CONNECTION_STRING"]
    with ContainerClient.from_connection_string(connection, "images", retry_total=0) as container:
        container.upload_blob(NAME, IMAGE)
        with pytest.raises(ResourceExistsError):
            container.upload_blob(NAME, b"")
        assert container.download_blob(NAME, offset=1, length=9).readall() == IMAGE[1:10]
        azure.expire_sas("images")
        with pytest.raises(HttpResponseError, match="failed to authenticate"):
            container.download_blob(NAME)


def test_gcs_takes_a_key_until_it_is_revoked(gcs: Gcs, monkeypatch: pytest.MonkeyPatch) -> None:
    gcs.require_tokens()
    for name, value in gcs.environ().items():
        monkeypatch.setenv(name, value)
    with storage.Client() as client:
        blob = client.create_bucket("images").blob(NAME, chunk_size=256 * 1024)
        blob.upload_from_file(BytesIO(IMAGE), if_generation_match=0)
        with pytest.raises(PreconditionFailed):
            blob.upload_from_string(b"", if_generation_match=0)
        gcs.expire_tokens()
        assert blob.download_as_bytes(start=1, end=9) == IMAGE[1:10]
        gcs.deny("storage.objects.delete")
        with pytest.raises(Forbidden, match=r"storage\.objects\.delete"):
            blob.delete()
        gcs.revoke_key()
        with pytest.raises(RefreshError):
            blob.reload()


def test_s3_takes_a_session_until_it_expires(s3: S3) -> None:
    admin = s3.client()
    admin.create_bucket(Bucket="images")
    session, reader = s3.make_session("s3:*"), s3.make_user("s3:GetObject")
    builder, visitor = s3.client(keys=session), s3.client(keys=reader)
    with s3.enforcing():
        builder.put_object(Bucket="images", Key=NAME, Body=IMAGE)
        with pytest.raises(ClientError, match="AccessDenied"):
            visitor.put_object(Bucket="images", Key=NAME, Body=b"")
        s3.expire(session)
        with pytest.raises(ClientError, match="ExpiredToken"):
            builder.get_object(Bucket="images", Key=NAME)
        assert visitor.get_object(Bucket="images", Key=NAME)["Body"].read() == IMAGE
    for client in (admin, builder, visitor):
        client.close()


def test_sftp_takes_a_key_until_it_is_revoked(sftp: Sftp) -> None:
    async def write_and_read(user: str) -> bytes:
        async with (
            asyncssh.connect(
                "127.0.0.1",
                sftp.port,
                username=user,
                client_keys=str(sftp.key_file),
                known_hosts=str(sftp.known_hosts_file),
                config=None,
            ) as connection,
            connection.start_sftp_client() as client,
        ):
            async with client.open("half.raw", "wb") as file:
                await file.write(IMAGE)
                await file.fsync()
            await client.posix_rename("half.raw", "größe 1.raw")
            async with client.open("größe 1.raw", "rb") as file:
                content: bytes = await file.read()
                return content

    assert asyncio.run(write_and_read("builder")) == IMAGE
    assert (sftp.files / "größe 1.raw").read_bytes() == IMAGE
    with pytest.raises(asyncssh.SFTPPermissionDenied):
        asyncio.run(write_and_read(READER))
    sftp.revoke_key()
    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(write_and_read("builder"))


def test_a_proxy_cuts_changes_and_refuses() -> None:
    with one_file_server() as port, proxied(port) as proxy:
        assert download(proxy) == IMAGE
        assert len(IMAGE) < proxy.download.count < len(IMAGE) + 1000

        proxy.download.flip_bit(after=500_000)
        changed = download(proxy)
        assert [a ^ b for a, b in zip(changed, IMAGE, strict=True) if a != b] == [1]

        proxy.download.cut(after=500_000, every=True)
        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                download(proxy)
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            download(proxy)
        proxy.heal()
        assert download(proxy) == IMAGE

        proxy.download.stall(after=500_000)
        before = proxy.download.count
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(download, proxy)
            until(lambda: proxy.download.count == before + 500_000)
            assert not waiting.done()
            proxy.heal()
            assert waiting.result() == IMAGE


@contextmanager
def one_file_server() -> Iterator[int]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(IMAGE)

        def log_request(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def download(proxy: Proxy) -> bytes:
    with closing(HTTPConnection("127.0.0.1", proxy.port, timeout=60)) as connection:
        connection.request("GET", "/")
        with connection.getresponse() as answer:
            return answer.read()


def test_a_small_disk_is_full_soon(tmp_path: Path) -> None:
    full = pytest.raises(OSError, match="No space left")
    with small_disk(tmp_path / "disk", 256 * 1024) as disk, full:
        (disk / "image.raw").write_bytes(IMAGE)
    assert not list((tmp_path / "disk").iterdir())


def test_a_folder_as_over_nfs_shows_no_holes(tmp_path: Path) -> None:
    with nfs_like(tmp_path / "nfs") as folder, (folder / "image.raw").open("wb+") as file:
        file.truncate(1_000_000)
        assert os.lseek(file.fileno(), 0, os.SEEK_DATA) == 0
        os.link(folder / "image.raw", folder / "second.raw")
