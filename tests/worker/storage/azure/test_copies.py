"""Copies that Azure makes in its own time, as Azurite never does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from support.azurite import Azurite

from buildstate_core.errors import ArtifactUnreachable, Unreachable
from buildstate_worker.storage.azure import copies
from buildstate_worker.storage.azure.storage import AzureStorage

BLOB = {"x-ms-blob-type": "BlockBlob"}


class SlowCopies(BaseHTTPRequestHandler):
    """Azure as it answers about a copy that takes its time, which Azurite's never do."""

    protocol_version = "HTTP/1.1"
    answers: tuple[str, ...]
    asked: list[str]
    mark = ""

    def do_HEAD(self) -> None:
        if "source.raw" in self.path:
            self.answer(200, BLOB)
            return
        status = self.answers[min(len(self.asked), len(self.answers) - 1)]
        progress = 1 if status == "stalls" else len(self.asked) + 1
        status = status.replace("stalls", "pending")
        self.asked.append(status)
        self.answer(
            200,
            BLOB
            | {
                "x-ms-copy-id": "1",
                "x-ms-copy-status": status,
                "x-ms-copy-progress": f"{progress}/8",
                "x-ms-meta-buildstate_upload": type(self).mark,
            },
        )

    def do_PUT(self) -> None:
        if "comp=copy" in self.path:
            self.asked.append("aborted")
            self.answer(204, {})
            return
        type(self).mark = self.headers["x-ms-meta-buildstate_upload"]
        self.answer(202, {"x-ms-copy-id": "1", "x-ms-copy-status": "pending"})

    def do_DELETE(self) -> None:
        self.asked.append("deleted")
        self.answer(202, {})

    def answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": "0", "ETag": '"1"', **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest's output is for people."""


@contextmanager
def copying_slowly(monkeypatch: pytest.MonkeyPatch, *answers: str) -> Iterator[list[str]]:
    """Run a server whose copies go through these states, and give those that were told."""
    asked: list[str] = []
    handler = type("Handler", (SlowCopies,), {"answers": answers, "asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        for name, value in Azurite(server.server_port).environ().items():
            monkeypatch.setenv(name, value)
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def test_a_copy_that_takes_its_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with copying_slowly(monkeypatch, "pending", "pending", "success") as asked:
        AzureStorage().copy("az://images/source.raw", "az://images/target.raw")
    assert asked == ["pending", "pending", "success"]


def test_a_copy_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        copying_slowly(monkeypatch, "pending", "failed") as asked,
        pytest.raises(Unreachable, match="copy ended as failed"),
    ):
        AzureStorage().copy("az://images/source.raw", "az://images/target.raw")
    assert asked[-1] == "deleted"


def test_a_copy_that_comes_no_further_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "_STALLS_SECONDS", 0)
    with (
        copying_slowly(monkeypatch, "pending", "stalls") as asked,
        pytest.raises(Unreachable, match="stands at 1/8"),
    ):
        AzureStorage().copy("az://images/source.raw", "az://images/target.raw")
    assert asked[-2:] == ["aborted", "deleted"]


def test_what_is_still_being_copied_cannot_be_read_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        copying_slowly(monkeypatch, "pending"),
        pytest.raises(ArtifactUnreachable, match="still being copied"),
    ):
        AzureStorage().size_of("az://images/target.raw")
