"""A worker at a build, and what the service and the storage say of it afterwards."""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from support import Service

from buildstate_core.models import ArtifactRecord, Attempt, Build, Claim, ClaimRequest
from buildstate_worker import attempt
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.attempt import Claimed, Done, ask
from buildstate_worker.blobs import Blob
from buildstate_worker.client import Client
from buildstate_worker.reads import Compared
from buildstate_worker.transfer import ArtifactStore


class Ended(BaseException):
    """As a signal raises it."""


class Worker:
    def __init__(self, service: Service, build: Build, folder: Path, name: str) -> None:
        self.waits: list[Claim] = []
        self.client = Client(service.url, service.key)
        store = ArtifactStore(cache_dir=folder / f"cache-{name}")
        self.artifacts = Artifacts(self.client, store, storage_url=(folder / "own").as_uri())
        self.worker = attempt.Worker(self.client, self.artifacts, name)
        self.build = build
        self.folder = folder

    def ask(
        self,
        state: int,
        *,
        wait_seconds: float | None = 0.0,
        probe: Callable[[Done], bool] | None = None,
        compare: Callable[[Done], Compared] | None = None,
        **fields: Any,
    ) -> Done | Claimed:
        request = ClaimRequest(state=state, worker=self.worker.name, **fields)
        return ask(
            self.worker,
            self.build.id,
            lambda: request,
            wait_seconds=wait_seconds,
            on_wait=self.waits.append,
            probe=probe,
            compare=compare,
        )

    def claimed(self, state: int, **fields: Any) -> Claimed:
        asked = self.ask(state, **fields)
        assert isinstance(asked, Claimed)
        return asked

    def blob(self, name: str, content: str = "x") -> Blob:
        path = self.folder / name
        path.write_text(content)
        return Blob(name=name, path=path, place=PurePosixPath(f"out/{name}"))


def complete(
    claimed: Claimed, outputs: Sequence[Blob | ArtifactRecord] = (), message: str | None = None
) -> Attempt:
    return attempt.record(attempt.upload(claimed, outputs), message=message)


def told(service: Service, build: Build) -> list[tuple[str, str | None]]:
    return [(each.status.value, each.message) for each in service.client.history(build.number)]


def stored(storage: Path) -> list[str]:
    return sorted(each.name for each in storage.rglob("*") if each.is_file())
