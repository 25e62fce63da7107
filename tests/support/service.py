"""The real service over real HTTP, in a thread of the tests or in a process of its own."""

import hashlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, LiteralString

import psycopg
import urllib3
import uvicorn
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier

from buildstate_api.app import create_app
from buildstate_api.settings import ServerSettings
from buildstate_core.errors import NotFound, Unreachable
from buildstate_core.models import (
    ArtifactRecord,
    Attempt,
    Build,
    BuildCreate,
    Claim,
    ClaimRequest,
    Complete,
    Fail,
    Heartbeat,
    Lease,
    ProjectCreate,
    Report,
)
from buildstate_core.vocabulary import AttemptStatus
from buildstate_worker.client import Client
from support.ports import free_port
from support.waiting import until

PROGRAM = """
import sys, uvicorn
from buildstate_api.app import create_app
from buildstate_api.settings import ServerSettings
uvicorn.run(
    create_app(ServerSettings(database_url=sys.argv[1])), port=int(sys.argv[2]), log_level="warning"
)
"""

_NOT_GIVEN = object()


@dataclass(frozen=True)
class Answer:
    """What came back for a request."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document that it has to be, whose words are not those of a traceback."""
        assert self.status >= 400, self
        assert self.headers["content-type"] == "application/problem+json", self
        problem: dict[str, Any] = self.json
        assert problem["status"] == self.status
        assert problem["type"].startswith("/problems/")
        assert problem["title"]
        assert problem["detail"].endswith("."), problem
        assert "Traceback" not in problem["detail"]
        return problem


@dataclass
class Service:
    """A running service, and what tests do with it."""

    url: str
    key: str
    database_url: str
    _http: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=32, timeout=60, retries=False)
    )

    @cached_property
    def client(self) -> Client:
        return Client(self.url, self.key)

    def request(
        self,
        method: str,
        path: str,
        body: object = _NOT_GIVEN,
        *,
        headers: Mapping[str, str] | None = None,
        key: object = _NOT_GIVEN,
    ) -> Answer:
        """Send one request as it is: bytes and streams are sent raw, all else as JSON."""
        sent = {"Content-Type": "application/json"} if body is not _NOT_GIVEN else {}
        used = self.key if key is _NOT_GIVEN else key
        if used is not None:
            sent["Authorization"] = f"Bearer {used}"
        is_raw = isinstance(body, bytes) or hasattr(body, "__next__")
        response = self._http.request(
            method,
            self.url + path,
            body=None if body is _NOT_GIVEN else body if is_raw else json.dumps(body).encode(),
            headers={**sent, **(headers or {})},
            redirect=False,
        )
        return Answer(response.status, response.headers, response.data)

    def query(self, sql: LiteralString | Composed, *values: object) -> list[dict[str, Any]]:
        """Run SQL on the service's database, in a transaction of its own."""
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def counts(self) -> dict[str, int]:
        """Count the rows of every table in which a request could leave something."""
        tables = self.query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
        return {
            name: self.query(SQL("SELECT count(*) AS n FROM {}").format(Identifier(name)))[0]["n"]
            for name in sorted(each["table_name"] for each in tables)
        }

    def close(self) -> None:
        self.client.close()
        self._http.clear()

    def is_ready(self) -> bool:
        try:
            return self.client.health().status == "ok"
        except Unreachable:
            return False

    def make_project(self, name: str = "rhel-base", **fields: Any) -> str:
        return self.client.create_project(ProjectCreate(name=name, **fields)).name

    def make_build(self, project: str = "rhel-base", **fields: Any) -> Build:
        """Make a build, and its project if there is none of that name."""
        try:
            self.client.get_project(project)
        except NotFound:
            self.make_project(project)
        wanted = {"platform": "aws", "os": "rhel-9", **fields}
        return self.client.create_build(BuildCreate(project=project, **wanted))

    def claim(self, build: Build, state: int, worker: str = "worker-a", **fields: Any) -> Claim:
        request = ClaimRequest(state=state, worker=worker, **fields)
        return self.client.claim(build.number, request)

    def report(
        self, build: Build, state: int, status: AttemptStatus, *artifacts: Any, **fields: Any
    ) -> Attempt:
        report = Report(state=state, status=status, artifacts=artifacts, **fields)
        return self.client.report(build.number, report)

    def complete(self, claim: Claim, *artifacts: ArtifactRecord, **fields: Any) -> Attempt:
        assert claim.token is not None, claim
        done = Complete(token=claim.token, artifacts=artifacts, **fields)
        return self.client.complete(claim.attempt.id, done)

    def fail(self, claim: Claim, message: str = "it broke") -> Attempt:
        assert claim.token is not None, claim
        return self.client.fail(claim.attempt.id, Fail(token=claim.token, message=message))

    def heartbeat(self, claim: Claim) -> Lease:
        assert claim.token is not None, claim
        return self.client.heartbeat(claim.attempt.id, Heartbeat(token=claim.token))

    def expire(self, attempt: object) -> None:
        """Move a lease's end into the past, to before the service was last seen alive."""
        self.query(
            "UPDATE build_states SET lease_until = clock_timestamp() - interval '1 minute'"
            " WHERE id = %s",
            str(attempt),
        )


def image(name: str = "image.qcow2", content: str = "a", **fields: Any) -> ArtifactRecord:
    """An artifact as a worker records it; `content` tells one digest from another."""
    digest = hashlib.sha256(content.encode()).hexdigest()
    record = {
        "storage_type": "s3",
        "uri": f"s3://builds/{digest[:8]}/{name}",
        "size_bytes": len(content),
        "checksum": f"sha256:{digest}",
        **fields,
    }
    return ArtifactRecord(name=name, **record)


@contextmanager
def serving(database_url: str, key: str, **settings: Any) -> Iterator[Service]:
    """Run the service in a thread until the end of the block."""
    app = create_app(ServerSettings(database_url=database_url, **settings))
    server = uvicorn.Server(
        uvicorn.Config(
            app, port=0, log_config=None, ws="none", timeout_graceful_shutdown=5, lifespan="on"
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        assert thread.is_alive(), "the service did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        service = Service(f"http://127.0.0.1:{port}", key, database_url)
        until(service.is_ready)
        yield service
        service.close()
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the service did not stop"


@dataclass
class ServiceProcess(Service):
    """The service in a process of its own, which can be killed and started again."""

    process: "subprocess.Popen[bytes] | None" = None

    @classmethod
    def on_a_free_port(cls, database_url: str, key: str) -> "ServiceProcess":
        return cls(f"http://127.0.0.1:{free_port()}", key, database_url)

    def start(self) -> None:
        """Start it, on the port that it had, and wait until it is ready."""
        port = self.url.rpartition(":")[2]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, self.database_url, port], start_new_session=True
        )
        until(self._is_ready_or_dead)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def _is_ready_or_dead(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, "the service did not start"
        return self.is_ready()
