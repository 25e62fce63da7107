"""The HTTP client: one method for each thing that the service can be asked."""

from collections.abc import Iterator
from urllib.parse import quote, urlencode
from uuid import UUID

from buildstate_core.models import (
    Adopt,
    Artifact,
    ArtifactCreate,
    ArtifactDelete,
    ArtifactVerified,
    Attempt,
    Build,
    BuildCreate,
    BuildDerive,
    Cancel,
    Catalog,
    CatalogSet,
    CatalogState,
    Claim,
    ClaimRequest,
    Complete,
    Explanation,
    Fail,
    Force,
    Health,
    Heartbeat,
    HoldCreate,
    Intervention,
    Key,
    KeyCreate,
    Lease,
    LookedUp,
    Lookup,
    NewKey,
    Plan,
    Project,
    ProjectCreate,
    ProjectUpdate,
    Quarantine,
    Report,
    ResumeCreate,
    ResumeRequest,
    RetentionPlan,
    Revocation,
    Revoke,
    Waive,
)
from buildstate_core.vocabulary import TRUNK
from buildstate_worker.connection import ONCE, PATIENT, QUICK, STEADY, Connection

__all__ = ["ONCE", "PATIENT", "QUICK", "STEADY", "Client"]


class Client(Connection):
    """Speaks to one service with one key. Safe to share between threads.

    Every method raises `Unreachable` when there is no answer, `NotAllowed` when the key is not
    good, and otherwise what the problem document says.
    """

    # ---- projects and catalogues ----

    def create_project(self, project: ProjectCreate) -> Project:
        """Create a project; `Conflict` if the name is taken."""
        return self._write("POST", "/v1/projects", project, Project)

    def get_project(self, name: str) -> Project:
        """Get one project by name."""
        return self._read(f"/v1/projects/{_part(name)}", Project)

    def list_projects(self) -> Iterator[Project]:
        """List all projects by name."""
        return self._pages("/v1/projects", Project)

    def update_project(self, name: str, update: ProjectUpdate) -> Project:
        """Change a project; fields that are left out keep their values."""
        return self._write("PATCH", f"/v1/projects/{_part(name)}", update, Project)

    def list_catalogs(self, project: str) -> Iterator[Catalog]:
        """List every version of a project's catalogue, newest first."""
        return self._pages(f"/v1/projects/{_part(project)}/catalog/versions", Catalog)

    def get_catalog(self, project: str, *, version: int | None = None) -> Catalog:
        """Get a project's catalogue: the newest version, or the one named."""
        path = f"/v1/projects/{_part(project)}/catalog"
        return self._read(path if version is None else f"{path}/versions/{version}", Catalog)

    def set_catalog(
        self, project: str, catalog: CatalogSet, *, apply_to_open: bool = False
    ) -> Catalog:
        """Set a project's catalogue; open builds keep theirs unless `apply_to_open`."""
        path = f"/v1/projects/{_part(project)}/catalog{_for_open(apply_to_open)}"
        return self._write("PUT", path, catalog, Catalog)

    def insert_state(
        self, project: str, state: CatalogState, *, apply_to_open: bool = False
    ) -> Catalog:
        """Add one state to a project's catalogue; `Conflict` if its code is taken."""
        path = f"/v1/projects/{_part(project)}/catalog/states{_for_open(apply_to_open)}"
        return self._write("POST", path, state, Catalog)

    # ---- builds ----

    def create_build(self, build: BuildCreate) -> Build:
        """Create a build, or get the one that has this key already."""
        return self._write("POST", "/v1/builds", build, Build)

    def get_build(self, build: str | int) -> Build:
        """Get one build by id or number."""
        return self._read(_build(build), Build)

    def list_builds(
        self,
        *,
        project: str | None = None,
        platform: str | None = None,
        status: str | None = None,
        key: str | None = None,
        derived_from: str | int | None = None,
    ) -> Iterator[Build]:
        """List builds, newest first."""
        query = {
            "project": project,
            "platform": platform,
            "status": status,
            "key": key,
            "derived_from": derived_from,
        }
        return self._pages("/v1/builds", Build, query)

    def history(self, build: str | int, *, inherited: bool = False) -> Iterator[Attempt]:
        """List every attempt of a build, oldest first; on demand those that it inherited, too."""
        query = {"inherited": "true"} if inherited else None
        return self._pages(f"{_build(build)}/history", Attempt, query)

    def plan(self, build: str | int) -> Plan:
        """Get what a rerun of a build would do."""
        return self._read(f"{_build(build)}/plan", Plan)

    def explain(
        self, build: str | int, state: int, *, lane: str = TRUNK, attempt: int | None = None
    ) -> Explanation:
        """Explain what a rerun would do with a milestone, or why one of its attempts was run."""
        asked = {"state": state, "lane": lane, "attempt": attempt}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return self._read(f"{_build(build)}/explain?{query}", Explanation)

    def derive_build(self, build: str | int, derive: BuildDerive) -> Build:
        """Start a build from a checkpoint of another; said twice, it is the same one."""
        return self._write("POST", f"{_build(build)}/derive", derive, Build)

    # ---- what people decide ----

    def waive(self, build: str | int, waive: Waive) -> Attempt:
        """Record that a milestone is not needed; `Held` while a worker has it."""
        return self._write("POST", f"{_build(build)}/waive", waive, Attempt)

    def force(self, build: str | int, force: Force) -> Plan:
        """Have everything from a state on run again; return what a rerun then does."""
        return self._write("POST", f"{_build(build)}/force", force, Plan)

    def adopt(self, build: str | int, adopt: Adopt) -> Attempt:
        """Make something that exists already what a state left; `Held` while a worker has it."""
        return self._write("POST", f"{_build(build)}/adopt", adopt, Attempt)

    def cancel_build(self, build: str | int, cancel: Cancel) -> Build:
        """Cancel a build; a worker that is at work on it is told by its next heartbeat."""
        return self._write("POST", f"{_build(build)}/cancel", cancel, Build)

    def revoke_artifact(self, artifact: UUID | str, revoke: Revoke) -> Revocation:
        """Take an artifact, and what was made from it, out of use for good."""
        path = f"/v1/artifacts/{_part(str(artifact))}/revoke"
        return self._write("POST", path, revoke, Revocation)

    def interventions(self, build: str | int) -> Iterator[Intervention]:
        """List what people decided about a build, oldest first."""
        return self._pages(f"{_build(build)}/interventions", Intervention)

    # ---- requests to resume ----

    def resume(self, build: str | int, resume: ResumeCreate) -> ResumeRequest:
        """Ask a build's orchestrator to go on; `Conflict` if none is known."""
        return self._write("POST", f"{_build(build)}/resume", resume, ResumeRequest)

    def list_resume_requests(
        self, *, build: str | int | None = None, status: str | None = None
    ) -> Iterator[ResumeRequest]:
        """List requests to resume, newest first."""
        query = {"build": build, "status": status}
        return self._pages("/v1/resume-requests", ResumeRequest, query)

    def report(
        self, build: str | int, report: Report, *, idempotency_key: str | None = None
    ) -> Attempt:
        """Report about a milestone without a claim. The same key twice is one report."""
        path = f"{_build(build)}/reports"
        return self._write("POST", path, report, Attempt, idempotency_key=idempotency_key)

    # ---- claims ----

    def claim(self, build: str | int, request: ClaimRequest) -> Claim:
        """Ask for a milestone. `held` is an answer, not an error."""
        return self._write("POST", f"{_build(build)}/claims", request, Claim)

    def heartbeat(self, attempt: UUID, heartbeat: Heartbeat) -> Lease:
        """Renew a lease, with one try; `StaleClaim` if it is no longer ours."""
        path = f"/v1/attempts/{attempt}/heartbeat"
        return self._write("POST", path, heartbeat, Lease, retries=ONCE)

    def complete(self, attempt: UUID, complete: Complete) -> Attempt:
        """End an attempt well, and record its artifacts; `StaleClaim` if it is no longer ours."""
        path = f"/v1/attempts/{attempt}/complete"
        return self._write("POST", path, complete, Attempt, retries=PATIENT)

    def fail(self, attempt: UUID, fail: Fail) -> Attempt:
        """End an attempt badly; `StaleClaim` if it is no longer ours."""
        return self._write("POST", f"/v1/attempts/{attempt}/fail", fail, Attempt, retries=PATIENT)

    # ---- artifacts ----

    def list_artifacts(self, build: str | int, *, state: int | None = None) -> Iterator[Artifact]:
        """List the artifacts of a build, oldest first."""
        return self._pages(f"{_build(build)}/artifacts", Artifact, {"state": state})

    def get_artifact(self, artifact: UUID | str) -> Artifact:
        """Get one artifact by id."""
        return self._read(f"/v1/artifacts/{_part(str(artifact))}", Artifact)

    def verify_artifact(self, artifact: UUID, verified: ArtifactVerified) -> Artifact:
        """Record the digest of an artifact that had none; `Conflict` if it has another."""
        return self._write("PATCH", f"/v1/artifacts/{artifact}", verified, Artifact)

    def quarantine(self, artifact: UUID, quarantine: Quarantine) -> Artifact:
        """Take an artifact out of use because it is gone or corrupt."""
        return self._write("POST", f"/v1/artifacts/{artifact}/quarantine", quarantine, Artifact)

    def find_artifacts(
        self,
        *,
        project: str | None = None,
        status: str | None = None,
        checksum: str | None = None,
        removable: bool | None = None,
    ) -> Iterator[Artifact]:
        """List artifacts of whatever build, oldest first.

        Args:
            project: Only those of this project.
            status: Only those in this status.
            checksum: Only those with these bytes of their own.
            removable: Only those whose bytes a worker may remove now, or only the others.
        """
        query = {
            "project": project,
            "status": status,
            "checksum": checksum,
            "removable": None if removable is None else str(removable).lower(),
        }
        return self._pages("/v1/artifacts", Artifact, query)

    def create_artifact(self, build: str | int, artifact: ArtifactCreate) -> Artifact:
        """Record an artifact that is somewhere already; `Held` while a worker has the state."""
        return self._write("POST", f"{_build(build)}/artifacts", artifact, Artifact)

    def hold_artifact(self, artifact: UUID | str, hold: HoldCreate) -> Artifact:
        """Keep an artifact, whatever the policy; `Conflict` if its bytes are being removed."""
        return self._write("POST", f"/v1/artifacts/{_part(str(artifact))}/hold", hold, Artifact)

    def release_artifact(self, artifact: UUID | str) -> Artifact:
        """End a hold; there need not be one."""
        return self._parse(
            self._send("DELETE", f"/v1/artifacts/{_part(str(artifact))}/hold"), Artifact
        )

    def delete_artifact(self, artifact: UUID | str, delete: ArtifactDelete) -> Artifact:
        """Mark an artifact for removal; `Refused` while it is held, or a build may need it."""
        path = f"/v1/artifacts/{_part(str(artifact))}/delete"
        return self._write("POST", path, delete, Artifact)

    def begin_removal(self, artifact: UUID | str) -> Artifact:
        """Announce that its bytes are about to be removed; `Refused` if they must stay by now."""
        path = f"/v1/artifacts/{_part(str(artifact))}/removal"
        return self._parse(self._send("POST", path), Artifact)

    def end_removal(self, artifact: UUID | str) -> Artifact:
        """Report that its bytes are gone; `Conflict` unless the removal was announced."""
        path = f"/v1/artifacts/{_part(str(artifact))}/removed"
        return self._parse(self._send("POST", path), Artifact)

    def look_up(self, lookup: Lookup) -> LookedUp:
        """Ask which objects of a storage anybody needs."""
        return self._write("POST", "/v1/artifacts/lookup", lookup, LookedUp)

    def retention(self, project: str) -> RetentionPlan:
        """Get what a project's policy says about its artifacts; nothing is changed."""
        return self._read(f"/v1/projects/{_part(project)}/retention", RetentionPlan)

    def apply_retention(self, project: str) -> RetentionPlan:
        """Mark for removal what a project's policy no longer keeps."""
        path = f"/v1/projects/{_part(project)}/retention"
        return self._parse(self._send("POST", path), RetentionPlan)

    # ---- keys and health ----

    def create_key(self, key: KeyCreate) -> NewKey:
        """Make an API key; its secret is shown this once."""
        return self._write("POST", "/v1/keys", key, NewKey)

    def list_keys(self) -> Iterator[Key]:
        """List all API keys, without their secrets."""
        return self._pages("/v1/keys", Key)

    def revoke_key(self, key: UUID | str) -> Key:
        """Make an API key useless, by its id."""
        return self._parse(self._send("DELETE", f"/v1/keys/{_part(str(key))}"), Key)

    def health(self) -> Health:
        """Ask whether the service can work."""
        return self._parse(self._send("GET", "/readyz", retries=ONCE), Health)


def _part(value: str) -> str:
    return quote(value, safe="")


def _for_open(apply_to_open: bool) -> str:  # noqa: FBT001 - of one caller's name
    return "?apply_to_open=true" if apply_to_open else ""


def _build(build: str | int) -> str:
    return f"/v1/builds/{_part(str(build))}"
