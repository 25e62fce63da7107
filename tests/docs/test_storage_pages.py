"""The pages about storages, each from its first line to its last, with a server of its kind."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage as google_storage
from support.azurite import azurite
from support.gcs import gcs_server
from support.s3 import s3_server
from support.sftp import sftp_server

from .snippets import Shell, run_all

pytestmark = pytest.mark.storages  # by a table of what starts them


@pytest.fixture
def page(request: pytest.FixtureRequest, environ: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """A page, while a server of its kind runs and the shell's environment names it."""
    with SERVERS[request.param](environ, tmp_path):
        yield f"docs/how-to/storage/{request.param}.md"


@contextmanager
def azure(environ: dict[str, str], _folder: Path) -> Iterator[None]:
    with azurite() as server:
        server.create_container("images").close()
        environ.update(server.environ())
        yield


@contextmanager
def google(environ: dict[str, str], folder: Path) -> Iterator[None]:
    with gcs_server(folder / "gcs") as server:
        client = google_storage.Client(
            project="image-builders",
            credentials=AnonymousCredentials(),
            client_options={"api_endpoint": server.url},
        )
        client.create_bucket("images")
        client.close()
        environ.update(server.environ())
        server.require_tokens()
        yield


@contextmanager
def s3(environ: dict[str, str], folder: Path) -> Iterator[None]:
    with s3_server(folder / "s3") as server:
        server.client().create_bucket(Bucket="images")
        environ.update(server.environ())
        yield


@contextmanager
def sftp(environ: dict[str, str], folder: Path) -> Iterator[None]:
    with sftp_server(folder / "sftp") as server:
        config = server.home / ".ssh" / "config"
        host = f"Host nas\n  HostName 127.0.0.1\n  Port {server.port}\n"
        config.write_text(host + config.read_text())
        environ["HOME"] = str(server.home)
        environ.pop("SSH_AUTH_SOCK", None)
        yield


SERVERS = {"azure": azure, "gcs": google, "s3": s3, "sftp": sftp}


@pytest.mark.parametrize("page", SERVERS, indirect=True)
def test_a_page_says_how_a_build_is_kept_there(
    page: str, shell: Shell, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    run_all(page, shell, monkeypatch, environ)
    assert shell.said.strip().endswith("base")
