"""What can be wrong with a storage: each made for real, so that it can also be mended again.

Over a network everything goes through a proxy, which a worker takes for the storage itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

from support.azurite import Azurite
from support.disks import bound_by_permissions, small_disk
from support.faults import Proxy
from support.gcs import Gcs
from support.places import Container, Folder, GoogleBucket, Place, RemoteFolder
from support.s3 import S3
from support.s3_front import fronted, verb
from support.sftp import Sftp

ALL: Final = frozenset({"check", "pull", "push", "list", "discard"})
SMALL_DISK_BYTES: Final = 4 * 2**20


@dataclass(frozen=True)
class Told:
    """What a worker has to be told while something is wrong.

    Attributes:
        why: A pattern that the message has.
        next_step: A pattern that the hint has.
        stops: What cannot be done meanwhile.
    """

    why: str
    next_step: str
    stops: frozenset[str] = ALL


DOES_NOT_APPLY: Final = {
    ("file", "expiring"): "nobody logs in to a disk",
    ("nfs", "expiring"): "a mount has the rights of the machine, for as long as it is mounted",
    ("file", "nobody"): "a disk has no endpoint; one that is not mounted is `misled`",
    (
        "nfs",
        "nobody",
    ): "the kernel waits for the server; once it gives up it says so as a disk does",
    ("file", "stalled"): "there is no network in between",
    ("nfs", "stalled"): "the kernel waits for the server, and nothing in this process can end that",
    ("file", "slow"): "there is no network in between",
    ("nfs", "slow"): "the kernel's client hides it",
}
"""Place and trouble, and why the one does not know the other. All else is in the classes below."""


class FolderTroubles:
    """A folder, mounted or not."""

    def __init__(self, place: Folder, disk: Path) -> None:
        self.place = place
        self._disk = disk

    @contextmanager
    def denied(self) -> Iterator[Told]:
        mode = self.place.path.stat().st_mode
        self.place.path.chmod(0)
        try:
            with bound_by_permissions():
                yield Told("Permission denied", "permissions for the user")
        finally:
            self.place.path.chmod(mode)

    @contextmanager
    def misled(self) -> Iterator[Told]:
        """Something else is where the mount should be."""
        with _away(self.place.path):
            self.place.path.write_text("a file")
            try:
                yield Told("Not a directory|a file is in the place of", "is mounted")
            finally:
                self.place.path.unlink()

    @contextmanager
    def full(self) -> Iterator[Told]:
        with _full_disk(self.place.path, self._disk):
            yield Told("No space left on device", "Free space", stops=frozenset({"push"}))


class NetworkTroubles:
    """What can be wrong between a worker and a server.

    Args:
        proxy: Where the worker connects to.
        port: The server's.
        checks: What the hint has to have when nobody is reached.
        foreign: What the message says when somebody else is.
    """

    def __init__(self, proxy: Proxy, port: int, *, checks: str, foreign: str) -> None:
        self._proxy = proxy
        self._port = port
        self._checks = checks
        self._foreign = foreign

    @contextmanager
    def nobody(self) -> Iterator[Told]:
        """Nothing listens there."""
        self._proxy.refuse()
        try:
            yield Told("[Cc]onnection refused|Could not connect", self._checks)
        finally:
            self._proxy.heal()

    @contextmanager
    def misled(self) -> Iterator[Told]:
        """A web server answers there, with a page for whatever is asked."""
        with _web_server() as port:
            self._proxy.lead_to(port)
            try:
                yield Told(self._foreign, self._checks)
            finally:
                self._proxy.lead_to(self._port)

    @contextmanager
    def stalled(self, *, after: int = 0) -> Iterator[Told]:
        """Connections stay, and nothing passes any more, or no more than so much of the answers."""
        if after:
            self._proxy.download.stall(after=after)
        else:
            self._proxy.upload.stall()
        try:
            yield Told("[Tt]ime|does not answer|not responding", self._checks)
        finally:
            # What waits to be passed on must not be, or an upload that was given up would go on.
            self._proxy.drop()
            self._proxy.heal()

    @contextmanager
    def slow(self, bytes_per_second: int) -> Iterator[None]:
        self._proxy.download.limit(bytes_per_second)
        self._proxy.upload.limit(bytes_per_second)
        try:
            yield
        finally:
            self._proxy.heal()


class RemoteFolderTroubles(NetworkTroubles):
    """A folder on an SFTP server."""

    def __init__(self, place: RemoteFolder, server: Sftp, proxy: Proxy, disk: Path) -> None:
        super().__init__(
            proxy, server.port, checks="network of this worker", foreign="cannot be connected to"
        )
        self.place = RemoteFolder(place.path, server.uri(place.path.name, port=proxy.port))
        self._server = server
        self._disk = disk

    @contextmanager
    def denied(self) -> Iterator[Told]:
        self._server.deny()
        try:
            yield Told("Permission denied", "what this user may do there")
        finally:
            self._server.allow()

    @contextmanager
    def expiring(self) -> Iterator[tuple[Callable[[], None], Told]]:
        def expire() -> None:
            self._server.revoke_key()
            # Who is in would stay in.
            self._proxy.drop()

        try:
            yield expire, Told("does not let builder in", "authorized_keys")
        finally:
            self._server.allow_key()

    @contextmanager
    def full(self) -> Iterator[Told]:
        with _full_disk(self.place.path, self._disk):
            yield Told("[Nn]o space", "Free space", stops=frozenset({"push"}))


class BucketTroubles(NetworkTroubles):
    """A bucket of S3's, used with a role's temporary credentials."""

    def __init__(self, place: Place, server: S3, proxy: Proxy, set_environ: Any) -> None:
        super().__init__(proxy, server.port, checks="AWS_ENDPOINT_URL", foreign="not speak S3")
        self.place = place
        self._server = server
        self._session = server.make_session("s3:*")
        set_environ(server.environ(self._session, url=proxy.url))

    @contextmanager
    def denied(self) -> Iterator[Told]:
        self._server.limit_session(self._session, "s3:ListAllMyBuckets")
        try:
            with self._server.enforcing():
                yield Told("access is denied", "AWS_PROFILE")
        finally:
            self._server.limit_session(self._session, "s3:*")

    @contextmanager
    def expiring(self) -> Iterator[tuple[Callable[[], None], Told]]:
        try:
            yield (
                lambda: self._server.expire(self._session),
                Told("the credentials have expired", "Renew .*AWS_SESSION_TOKEN"),
            )
        finally:
            self._server.renew()

    @contextmanager
    def full(self) -> Iterator[Told]:
        with fronted(self._server.url) as front:
            front.refuse(verb("PUT", "partNumber"), 507, "XMinioStorageFull")
            self._proxy.lead_to(front.port)
            try:
                yield Told("the storage is full", "Free space", stops=frozenset({"push"}))
            finally:
                self._proxy.lead_to(self._server.port)


class ContainerTroubles(NetworkTroubles):
    """A container of Azure's, used with a SAS token."""

    def __init__(self, place: Container, server: Azurite, proxy: Proxy, set_environ: Any) -> None:
        super().__init__(
            proxy,
            server.port,
            checks="AZURE_STORAGE_CONNECTION_STRING",
            foreign="is not Azure's",
        )
        self.place = place
        self._server = server
        self._name = place.client.container_name
        set_environ(server.sas_environ(server.sas(self._name), port=proxy.port))

    @contextmanager
    def denied(self) -> Iterator[Told]:
        self._server.sas(self._name, "t")
        try:
            yield Told("not authorized", "Storage Blob Data Contributor")
        finally:
            self._server.sas(self._name)

    @contextmanager
    def expiring(self) -> Iterator[tuple[Callable[[], None], Told]]:
        try:
            yield (
                lambda: self._server.expire_sas(self._name),
                Told("failed to authenticate", "AZURE_STORAGE_CONNECTION_STRING"),
            )
        finally:
            self._server.sas(self._name)

    @contextmanager
    def full(self) -> Iterator[Told]:
        with fronted(self._server.url) as front:
            front.refuse(verb("PUT", "comp=block&"), 507, "InsufficientStorage")
            self._proxy.lead_to(front.port)
            try:
                yield Told("is full", "Free space", stops=frozenset({"push"}))
            finally:
                self._proxy.lead_to(self._server.port)


class GoogleBucketTroubles(NetworkTroubles):
    """A bucket of Google's, used with a service account's key."""

    def __init__(self, place: GoogleBucket, server: Gcs, proxy: Proxy, set_environ: Any) -> None:
        super().__init__(
            proxy, server.port, checks="STORAGE_EMULATOR_HOST", foreign="is not Google's"
        )
        self.place = place
        self._server = server
        set_environ(server.environ(proxy.url))

    @contextmanager
    def denied(self) -> Iterator[Told]:
        self._server.deny(
            *[f"storage.objects.{each}" for each in ("get", "list", "create", "delete")]
        )
        try:
            yield Told(r"does not have storage\.objects\.", r"roles/storage\.objectUser")
        finally:
            self._server.allow_all()

    @contextmanager
    def expiring(self) -> Iterator[tuple[Callable[[], None], Told]]:
        self._server.require_tokens()
        try:
            yield (
                self._server.revoke_key,
                Told("credentials are refused: .*Invalid JWT", "GOOGLE_APPLICATION_CREDENTIALS"),
            )
        finally:
            self._server.allow_all()

    @contextmanager
    def full(self) -> Iterator[Told]:
        document = (
            '{"error": {"code": 403, "message": "The quota of this bucket is exceeded.",'
            ' "errors": [{"reason": "quotaExceeded"}]}}'
        )
        with fronted(self._server.url) as front:
            front.refuse(verb("PUT", "upload_id="), 403, "", body=document)
            self._proxy.lead_to(front.port)
            try:
                yield Told("quota .* exceeded", "Free space", stops=frozenset({"push"}))
            finally:
                self._proxy.lead_to(self._server.port)


@contextmanager
def _away(path: Path) -> Iterator[None]:
    """Have nothing at a path until the end of the block."""
    aside = path.rename(path.with_name(f"{path.name}-aside"))
    try:
        yield
    finally:
        aside.rename(path)


@contextmanager
def _full_disk(path: Path, mount: Path) -> Iterator[None]:
    """Have a disk in a folder's place that is full soon, and see that nothing is left on it."""
    with small_disk(mount, SMALL_DISK_BYTES) as disk, _away(path):
        path.symlink_to(disk)
        try:
            yield
            assert list(disk.iterdir()) == []
        finally:
            path.unlink()


class _Page(BaseHTTPRequestHandler):
    """Something that answers everything, and knows nothing of storages."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        page = b"<html><body>It works!</body></html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page)

    do_HEAD = do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - HTTP names them

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest's output is for people."""


@contextmanager
def _web_server() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
