"""What is S3's alone: whom to blame when it does not answer, and how long that may take."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import ArtifactLost, ArtifactUnreachable, InvalidInput, Unreachable
from buildstate_core.transfer import ArtifactStore
from buildstate_core.transfer.s3 import PART_BYTES, _part_bytes
from buildstate_core.transfer.storage import storage_for

AT_MOST_SECONDS = 15
URI = "s3://images/123/image.raw"


class Refusing(BaseHTTPRequestHandler):
    """An S3 server that says no to everybody, as to an expired or foreign key."""

    protocol_version = "HTTP/1.1"

    def refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET = do_PUT = do_POST = do_DELETE = refuse  # noqa: N815 - HTTP names them

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest's output is for people."""


@pytest.fixture
def refusing_url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def silent_url() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(50)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def closed_url() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        pytest.param("closed_url", "Could not connect", id="nothing listens"),
        pytest.param("silent_url", "Read timeout", id="nothing answers"),
        pytest.param("refusing_url", "Forbidden", id="permission denied"),
        pytest.param(None, "Invalid endpoint", id="no URL at all"),
    ],
)
@pytest.mark.usefixtures("s3_environment")
def test_a_storage_that_gives_no_answer_is_unreachable_soon(
    store: ArtifactStore,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    endpoint: str | None,
    says: str,
) -> None:
    url = request.getfixturevalue(endpoint) if endpoint else "nonsense"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    started = time.monotonic()
    with pytest.raises(ArtifactUnreachable, match=says) as caught:
        store.check(URI, size_bytes=8)
    assert time.monotonic() - started < AT_MOST_SECONDS
    assert URI in caught.value.message
    assert caught.value.hint
    assert "AWS_" in caught.value.hint
    if endpoint != "silent_url":
        with pytest.raises(ArtifactUnreachable):
            store.pull(URI, workspace / "new", checksum=None, size_bytes=None)


@pytest.mark.usefixtures("s3_environment")
def test_a_push_to_a_storage_that_refuses_says_whose_keys_to_look_at(
    store: ArtifactStore, workspace: Path, monkeypatch: pytest.MonkeyPatch, refusing_url: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", refusing_url)
    source = workspace / "image.raw"
    source.write_bytes(b"an image")
    with pytest.raises(Unreachable, match=r"Access Denied \(AccessDenied\).*AWS_ACCESS_KEY_ID"):
        store.push(source, URI)
    with pytest.raises(Unreachable):
        store.discard(URI)


@pytest.mark.usefixtures("s3_environment")
def test_without_keys_it_says_so(store: ArtifactStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ArtifactUnreachable, match=r"credentials.*AWS_ACCESS_KEY_ID"):
        store.check(URI, size_bytes=8)


@pytest.mark.usefixtures("s3_environment")
def test_a_missing_bucket_is_named_whatever_is_done(store: ArtifactStore, workspace: Path) -> None:
    source = workspace / "image.raw"
    source.write_bytes(b"an image")
    with pytest.raises(ArtifactUnreachable, match="there is no bucket imags"):
        store.check("s3://imags/image.raw", size_bytes=8)
    with pytest.raises(Unreachable, match="bucket"):
        store.push(source, "s3://imags/image.raw")
    with pytest.raises(Unreachable, match="bucket"):
        store.discard("s3://imags/image.raw")


def test_a_prefix_is_not_an_artifact(store: ArtifactStore, bucket: Any) -> None:
    bucket.write("123/image.raw", b"an image")
    with pytest.raises(ArtifactLost) as caught:
        store.check(bucket.uri("123"), size_bytes=None)
    assert caught.value.reason == "artifact_gone"


@pytest.mark.parametrize("uri", ["s3://", "s3://images", "s3://images/", "s3://images/123/"])
def test_a_uri_that_names_no_object_is_refused(store: ArtifactStore, uri: str) -> None:
    with pytest.raises(InvalidInput, match="does not name an object"):
        store.check(uri, size_bytes=None)


def test_an_object_replaced_while_it_is_read_is_not_mixed(bucket: Any) -> None:
    bucket.write("image.raw", b"1" * (PART_BYTES + 1))
    blocks = storage_for(bucket.root).read(bucket.uri("image.raw"))
    assert set(next(blocks)) == set(b"1")
    bucket.write("image.raw", b"2" * (PART_BYTES + 1))
    with pytest.raises(ArtifactUnreachable):
        next(blocks)


def test_a_worker_may_fork_after_using_s3(store: ArtifactStore, bucket: Any) -> None:
    bucket.write("image.raw", b"an image")
    store.check(bucket.uri("image.raw"), size_bytes=8)
    child = os.fork()
    if child == 0:
        try:
            store.check(bucket.uri("image.raw"), size_bytes=8)
        except BaseException:  # noqa: BLE001 - the parent looks at the exit code
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_upload_never_needs_more_parts_than_s3_takes() -> None:
    assert _part_bytes(0) == PART_BYTES
    assert 5 * 2**40 / _part_bytes(5 * 2**40) < 10_000
