"""Running `bldst` in a folder of its own, and a service that answers what a test tells it to."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from support import Service

from buildstate_cli.main import main
from buildstate_core.models import Artifact, Attempt, Build, Key

KEY = "bldst_0123456789abcdefghijklmnopqrstuvwxyz"
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Answer:
    """What one call of `bldst` came to."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Bldst = Callable[..., Answer]


@pytest.fixture
def closed_url() -> Iterator[str]:
    """The URL of a port where nobody listens, kept free of others for the test's time."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def environment(tmp_path: Path, closed_url: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "BLDST_API_URL": closed_url,
        "BLDST_API_KEY": KEY,
        "BLDST_CONFIG_DIR": str(tmp_path / "config"),
        "BLDST_DATA_DIR": str(tmp_path / "data"),
        "BLDST_CACHE_DIR": str(tmp_path / "cache"),
        "BLDST_WORKER": "packer-07",
    }


@pytest.fixture
def process(environment: dict[str, str], tmp_path: Path) -> Bldst:
    """Run the installed `bldst` in a process of its own."""

    def run(*arguments: str | bytes, stdin: str = "", **more: str) -> Answer:
        done = subprocess.run(
            [Path(sys.executable).with_name("bldst"), *arguments],
            input=stdin.encode(),
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env={**environment, **more},
            timeout=60,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def bldst(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Bldst:
    """Run `main` in this process: the same, but faster."""

    def run(*arguments: str, **more: str) -> Answer:
        for name, value in {**environment, **more}.items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        code = main(arguments)
        return Answer(code, *capfd.readouterr())

    return run


@dataclass
class Stub:
    """Answers by method and path, and remembers what it was sent."""

    url: str
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    requests: list[tuple[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def on(self, request: str, body: Any, status: int = 200) -> None:
        self.answers[request] = (status, body)

    def refuse(self, request: str, status: int, **problem: Any) -> None:
        self.on(request, {"type": "/problems/x", "title": "X", "status": status, **problem}, status)


@pytest.fixture
def stub(environment: dict[str, str]) -> Iterator[Stub]:
    told = Stub("")

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = f"{self.command} {self.path.partition('?')[0]}"
            told.requests.append((f"{self.command} {self.path}", json.loads(body or "null")))
            told.headers.append(dict(self.headers))
            status, answer = told.answers.get(
                request, (404, {"type": "/x", "title": "X", "status": 404, "detail": "No such."})
            )
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - named by http.server

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        told.url = environment["BLDST_API_URL"] = f"http://127.0.0.1:{server.server_port}"
        yield told
        server.shutdown()
        thread.join()


@pytest.fixture
def make_build() -> Callable[..., Build]:
    def make(**changes: Any) -> Build:
        fields = {
            "id": UUID(int=123),
            "number": 123,
            "project": "rhel-base",
            "key": "9.6/aws/rhel-9/base",
            "version": "9.6",
            "platform": "aws",
            "os": "rhel-9",
            "image_type": "base",
            "labels": {},
            "status": "in_progress",
            "current_state": 45,
            "current_state_name": "Storage",
            "progress": 45,
            "frontier": 45,
            "peak": 45,
            "active": (),
            "resume_from": 25,
            "lanes": (),
            "derived_from": None,
            "catalog_version": 1,
            "failure": None,
            "created_at": NOON,
            "started_at": NOON,
            "updated_at": NOON,
            "finished_at": None,
        }
        return Build.model_validate({**fields, **changes})

    return make


@pytest.fixture
def make_attempt() -> Callable[..., Attempt]:
    def make(**changes: Any) -> Attempt:
        fields = {
            "id": UUID(int=1),
            "build": 123,
            "state": 25,
            "state_name": "Security baseline",
            "lane": "",
            "attempt": 1,
            "status": "completed",
            "kind": None,
            "reason": None,
            "message": None,
            "worker": "packer-07",
            "started_at": NOON,
            "finished_at": NOON,
            "duration_seconds": 75.0,
            "fingerprint": {},
            "artifacts": (),
        }
        return Attempt.model_validate({**fields, **changes})

    return make


@pytest.fixture
def make_artifact() -> Callable[..., Artifact]:
    def make(**changes: Any) -> Artifact:
        fields = {
            "id": UUID(int=7),
            "build": 123,
            "state": 25,
            "lane": "",
            "name": "image.qcow2",
            "kind": "blob",
            "storage_type": "s3",
            "uri": "s3://builds/123/image.qcow2",
            "size_bytes": 1073741824,
            "checksum": "sha256:" + "0" * 64,
            "format": "qcow2",
            "compression": None,
            "metadata": {},
            "status": "available",
            "created_at": NOON,
            "expires_at": None,
        }
        return Artifact.model_validate({**fields, **changes})

    return make


@pytest.fixture
def make_key() -> Callable[..., Key]:
    def make(**changes: Any) -> Key:
        fields = {
            "id": UUID(int=5),
            "name": "ci",
            "prefix": "bldst_012345",
            "created_at": NOON,
            "last_used_at": None,
            "revoked_at": None,
        }
        return Key.model_validate({**fields, **changes})

    return make


@pytest.fixture(scope="module")
def shared_service(module_service: Service) -> Service:
    """One service, with the project rhel-base, for all tests of a file."""
    module_service.make_project("rhel-base")
    return module_service


@pytest.fixture
def work(
    shared_service: Service,
    environment: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The working directory, with the shared service configured."""
    environment.update(BLDST_API_URL=shared_service.url, BLDST_API_KEY=shared_service.key)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture
def build(module_service: Service, storage: Path, environment: dict[str, str]) -> Build:
    """A build of a project with a storage of its own, in a workspace that is the current folder."""
    environment.update(BLDST_API_URL=module_service.url, BLDST_API_KEY=module_service.key)
    project = f"rhel-{uuid4().hex[:8]}"
    module_service.make_project(project, storage_url=storage.as_uri())
    return module_service.make_build(project)


@pytest.fixture
def configured(shared_service: Service, environment: dict[str, str]) -> None:
    environment.update(BLDST_API_URL=shared_service.url, BLDST_API_KEY=shared_service.key)


@pytest.fixture
def add_state(bldst: Bldst, build: str) -> Bldst:
    """Report about the build whose number the fixture `build` of a file gives."""

    def add(*flags: str, **environ: str) -> Answer:
        answer: Answer = bldst("build", "add-state", build, *flags, **environ)
        return answer

    return add
