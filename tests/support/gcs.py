"""A model of Google Cloud Storage, and a service account with which to use it."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from support.programs import SERVERS, running

PROJECT = "image-builders"


@dataclass(frozen=True)
class Gcs:
    """A running server. At first anyone may do anything."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def anonymous_environ(self, url: str = "") -> dict[str, str]:
        """The client's environment without credentials; `url` is that of a proxy."""
        return {"STORAGE_EMULATOR_HOST": url or self.url}

    def environ(self, url: str = "") -> dict[str, str]:
        """The client's environment with the service account's key; `url` is that of a proxy."""
        return {
            "API_ENDPOINT_OVERRIDE": url or self.url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.key_file),
            "GOOGLE_CLOUD_PROJECT": PROJECT,
        }

    @property
    def key_file(self) -> Path:
        return self.folder / "service-account.json"

    def require_tokens(self) -> None:
        """Serve only who has an access token of the service account."""
        self._change(tokens=uuid4().hex)

    def expire_tokens(self) -> None:
        """Make those that were given out worthless; the key gets new ones."""
        self.require_tokens()

    def revoke_key(self) -> None:
        """Make the tokens worthless, and give no new ones."""
        self._change(tokens=uuid4().hex, key_revoked=True)

    def deny(self, *permissions: str) -> None:
        """Refuse what takes one of these, such as `storage.objects.create`."""
        self._change(denied=permissions)

    def keep_at_most(self, size: int) -> None:
        """Keep no more than so many bytes of each request of an upload, as the service may do."""
        self._change(keeps=size)

    def allow_all(self) -> None:
        """Let anyone do anything again, and keep all."""
        self._write({"tokens": "", "key_revoked": False, "denied": []})

    def write_key_file(self) -> None:
        """Make the service account's key, as the console would."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = serialization.Encoding.PEM
        public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
        private = key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / "public_key.pem").write_bytes(public)
        fields = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": uuid4().hex,
            "private_key": private.decode(),
            "client_email": f"builder@{PROJECT}.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }
        self.key_file.write_text(json.dumps(fields))

    def _change(self, **access: Any) -> None:
        self._write({**json.loads((self.folder / "access.json").read_bytes()), **access})

    def _write(self, access: dict[str, Any]) -> None:
        new = self.folder / "access.new"
        new.write_text(json.dumps(access))
        new.rename(self.folder / "access.json")


@contextmanager
def gcs_server(folder: Path) -> Iterator[Gcs]:
    """Run a server that keeps its objects in an empty folder."""
    (folder / "objects").mkdir(parents=True)
    command = [sys.executable, SERVERS / "gcs.py", folder]
    with running(command, announces=r"listening on port (\d+)") as port:
        server = Gcs(port, folder)
        server.allow_all()
        server.write_key_file()
        yield server
