"""The real service, worker, storage and workspaces, as a story needs them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from support import Service
from support.checkout import bring

from buildstate_core.models import Artifact, Build, ClaimRequest, Discovered, Force
from buildstate_core.vocabulary import TRUNK, Kind
from buildstate_worker.artifacts import Artifacts
from buildstate_worker.attempt import Claimed, Done, Worker, ask, record, upload
from buildstate_worker.blobs import Blob
from buildstate_worker.files.stat_signature import signatures
from buildstate_worker.reads import (
    FUNCTION,
    Arguments,
    Compared,
    Digests,
    Made,
    Scope,
    compare,
    judge,
    recording,
)
from buildstate_worker.reads.project import Project as ProjectFolder
from buildstate_worker.transfer import ArtifactStore
from buildstate_worker.workspace.machine_state import Workspace

from .driver import Skipped
from .memory import SAID
from .pipelines import Milestone
from .project import RULES, Project
from .world import Condition


class Checkout:
    """The user's project on one machine, and what a function is seen to read in it."""

    def __init__(self, folder: Path, cache: Path, build: Build) -> None:
        self._folder = folder
        self._scope = Scope(project=ProjectFolder(str(folder)))
        self._digests = Digests(cache, str(folder))
        self._made = Made(cache, build.id)

    def bring(self, project: Project) -> None:
        bring(self._folder, project.files)
        (self._folder / RULES).mkdir(parents=True, exist_ok=True)

    def read(self, milestone: Milestone) -> Sequence[Discovered]:
        """Read what a milestone reads; give what was seen of that."""
        with recording() as seen:
            found = {path: self._read(path) for path in milestone.reads}
        assert found == milestone.reads
        judged = judge(
            seen,
            self._scope,
            Arguments({}, self._scope),
            state=milestone.state,
            stands_on=(),
            digests=self._digests,
            made=self._made,
            wording=FUNCTION,
        )
        return judged.reads

    def compared(self, done: Done) -> Compared:
        return compare(done.reads, self._scope, digests=self._digests, made=self._made)

    def _read(self, path: str) -> str | None:
        if path == RULES:
            return ",".join(sorted(each.name for each in (self._folder / path).iterdir()))
        try:
            return (self._folder / path).read_text(encoding="ascii")
        except FileNotFoundError:
            return None


class RealSite:
    """A worker: its working directory, in which each lane has a file, and its cache."""

    def __init__(self, service: Service, build: Build, folder: Path) -> None:
        self.checkout = Checkout(folder / "project", folder / "cache", build)
        store = ArtifactStore(cache_dir=folder / "cache")
        self.artifacts = Artifacts(service.client, store, storage_url=(folder / "own").as_uri())
        self.worker = Worker(service.client, self.artifacts, folder.name)
        self._build = build.id
        self._workspace = Workspace(folder)

    def held(self, lane: str) -> Sequence[str]:
        return self._workspace.held(self._build, lane)

    def hold(self, lane: str, steps: Sequence[str]) -> None:
        if steps:
            self._workspace.hold(self._build, lane, steps[-1], signatures([self.path(lane)]))
        else:
            self._workspace.clear(self._build, lane)

    def begin_anew(self, lane: str) -> None:
        self._workspace.begin_anew(self._build, lane)
        if lane != TRUNK:
            self.path(lane).unlink(missing_ok=True)

    def read(self, lane: str) -> str:
        for path in (self.path(lane), self.path(TRUNK)):
            if path.exists():
                return path.read_text(encoding="ascii")
        return ""

    def write(self, lane: str, content: str) -> None:
        self.path(lane).write_text(content, encoding="ascii")

    def path(self, lane: str) -> Path:
        return self._workspace.folder / f"{lane or 'trunk'}.img"


@dataclass(frozen=True)
class RealWork:
    """A milestone that is ours to run."""

    claimed: Claimed
    restore: Sequence[str]

    @property
    def is_in_place(self) -> bool:
        return self.claimed.claim.is_in_place


@dataclass
class Real:
    """One build in the real service. An artifact is known by its place in the storage."""

    service: Service
    build: Build
    folder: Path
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    workers: "count[int]" = field(default_factory=count)

    def make_site(self) -> RealSite:
        folder = self.folder / f"worker-{next(self.workers)}"
        folder.mkdir()
        return RealSite(self.service, self.build, folder)

    def begin(
        self,
        milestone: Milestone,
        site: RealSite,
        *,
        is_rewound: bool,
        holds: Callable[[], bool],
    ) -> Skipped | RealWork:
        request = ClaimRequest(
            state=milestone.state,
            lane=milestone.lane,
            kind=milestone.kind if milestone.kind in SAID else None,
            fingerprint=dict(milestone.parts),
            consumes=() if milestone.is_made_from_scratch else None,
            machine=tuple(site.held(milestone.lane)),
            worker=site.worker.name,
            rewound=is_rewound,
        )
        site.checkout.bring(milestone.project)
        begun = ask(
            site.worker,
            self.build.id,
            lambda: request,
            wait_seconds=0,
            probe=(lambda _done: holds()) if milestone.kind is Kind.EFFECT else None,
            compare=site.checkout.compared,
        )
        if isinstance(begun, Done):
            return Skipped(next((each.checksum for each in begun.artifacts), None))
        return RealWork(begun, [self._note(each) for each in begun.claim.restore])

    def pull(self, artifact: str, site: RealSite, lane: str) -> None:
        site.artifacts.pull(
            self.artifacts[artifact], site.path(lane), root=self.build_storage.as_uri()
        )

    def give_up(self, work: RealWork) -> None:
        work.claimed.fail("given up", is_cancelled=True)

    def fail(self, work: RealWork) -> None:
        work.claimed.fail("it broke")

    def die(self, work: RealWork) -> None:
        """End its heartbeat without a word, and have its lease run out."""
        work.claimed._heart.stop()
        self.service.expire(work.claimed.attempt.id)

    def complete(
        self, work: RealWork, site: RealSite, milestone: Milestone
    ) -> tuple[str, str | None]:
        outputs = []
        if milestone.kind is Kind.CHECKPOINT:
            path = site.path(milestone.lane)
            outputs = [Blob(name="image", path=path, place=PurePosixPath(path.name))]
        reads = site.checkout.read(milestone)
        attempt = record(upload(work.claimed, outputs), reads=reads)
        assert attempt.step_digest is not None
        return attempt.step_digest, next((self._note(each) for each in attempt.artifacts), None)

    def tamper(self, artifact: str, how: Condition) -> None:
        path = Path(unquote(urlsplit(artifact).path))
        content = path.read_text(encoding="ascii")
        if how is Condition.CORRUPT:
            path.write_text(content[:-1] + "?", encoding="ascii")
        elif how is Condition.CUT:
            path.write_text(content[:-1], encoding="ascii")
        else:
            path.unlink()
        if how is Condition.RETIRED:
            sql = "UPDATE artifacts SET status = 'deleted', removed_at = now() WHERE id = %s"
            self.service.query(sql, self.artifacts[artifact].id)

    def force(self, milestone: Milestone) -> None:
        force = Force(state=milestone.state, lane=milestone.lane, reason="to be sure")
        self.service.client.force(self.build.number, force)

    @property
    def build_storage(self) -> Path:
        return self.folder / "storage"

    def _note(self, artifact: Artifact) -> str:
        assert artifact.uri is not None
        self.artifacts[artifact.uri] = artifact
        return artifact.uri
