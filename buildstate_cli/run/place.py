"""Second phase: put what a command needs into its place in the workspace.

The command is told:

- `BLDST_RESTORED`: the paths that were restored, one per line.
- `BLDST_RESTORE_URI`: where the rest is, which only the command itself can restore: one URI
  per line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from buildstate_cli.artifact.destination import path_for
from buildstate_cli.output.messages import warn
from buildstate_cli.run.ask import Asked
from buildstate_cli.run.call.flags import Restore
from buildstate_cli.run.call.prepare import PreparedCall
from buildstate_cli.run.site import Site, tell
from buildstate_core.errors import InvalidInput, NotFound
from buildstate_core.models import Artifact
from buildstate_core.vocabulary import Activity, ArtifactKind, ArtifactStatus
from buildstate_worker.artifacts import is_pullable, place_of
from buildstate_worker.attempt import Claimed, Done, check_places
from buildstate_worker.inputs.source import is_glob
from buildstate_worker.transfer import Pulled
from buildstate_worker.transfer_progress import ended


@dataclass(frozen=True)
class Placed:
    """A claimed attempt, with what its command needs in place.

    Attributes:
        asked: The attempt, with what goes into it.
        paths: Where files and folders were put, in the workspace.
        uris: What the command has to restore itself.
    """

    asked: Asked
    paths: Sequence[str] = ()
    uris: Sequence[str] = ()

    @property
    def claimed(self) -> Claimed:
        """The attempt."""
        return self.asked.claimed

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that say so."""
        return {"BLDST_RESTORED": "\n".join(self.paths), "BLDST_RESTORE_URI": "\n".join(self.uris)}


def put_in_place(site: Site, prepared: PreparedCall, asked: Asked) -> Placed:
    """Restore what the command needs, once what it makes is known to have a place.

    Raises:
        ArtifactLost: Something is gone or corrupt, and has been taken out of use.
        ArtifactUnreachable: Something cannot be read from here.
        InvalidInput: What the command makes could not be stored.
    """
    claimed = asked.claimed
    attempt = claimed.attempt
    tell(attempt, f"attempt {attempt.attempt}: {claimed.claim.text}")
    check_places(claimed, prepared.blobs)
    paths, uris = [], []
    folder = site.workspace.folder
    with site.meter:
        for artifact, path in targets(claimed.claim.restore, prepared.restores, folder):
            if is_pullable(artifact):
                pulled = restore(claimed, artifact, folder / path)
                paths.append(path)
                if not pulled.was_there:
                    tell(attempt, f"restored {path} of state {artifact.state}")
                if artifact.checksum is None:
                    warn(f"{path} had no recorded checksum, so it is unverified; it has one now.")
            elif artifact.kind is not ArtifactKind.VALUE and artifact.uri is not None:
                uris.append(artifact.uri)
                tell(attempt, f"{artifact.uri} is for the command to restore")
    asked.recipe.made.note(attempt.id, attempt.state, (), [str(folder / each) for each in paths])
    return Placed(asked, paths, uris)


def put_where_asked(site: Site, prepared: PreparedCall, done: Done) -> None:
    """Put what a skipped command has made where it is asked for now, if that is another place.

    What comes next in the pipeline looks for it there.

    Raises:
        ArtifactLost: It is corrupt, and has been taken out of use.
        ArtifactUnreachable: It cannot be read from here.
    """
    asked_for = {each.name: each for each in prepared.blobs if each.place is not None}
    with site.meter:
        for artifact in done.artifacts:
            blob = asked_for.get(artifact.name)
            if blob is None or not is_pullable(artifact) or is_glob(str(blob.place), blob.path):
                continue
            if artifact.status is ArtifactStatus.AVAILABLE and place_of(artifact) != blob.place:
                pulled = site.worker.artifacts.pull(artifact, blob.path, root=done.storage_url)
                if not pulled.was_there:
                    tell(done.attempt, f"{blob.place}: it was made at {place_of(artifact)}")


def restore(claimed: Claimed, artifact: Artifact, target: Path) -> Pulled:
    """Put an artifact into its place; meanwhile the heartbeat says how far that is.

    Raises:
        ArtifactLost: It is gone or corrupt, and has been taken out of use.
        ArtifactUnreachable: It cannot be read from here.
    """
    pulled = claimed.worker.artifacts.pull(
        artifact, target, root=claimed.claim.storage_url, on_transfer=claimed.note
    )
    # A transfer whose size was not known before has not said that this was all.
    claimed.note(ended(Activity.DOWNLOADING, artifact.name, size_bytes=pulled.size_bytes))
    return pulled


def targets(
    artifacts: Sequence[Artifact], restores: Sequence[Restore], folder: Path
) -> list[tuple[Artifact, str]]:
    """Return each artifact to restore, and its path in the workspace."""
    if not restores:
        return [(artifact, str(place_of(artifact))) for artifact in artifacts]
    found: list[tuple[Artifact, str]] = []
    for restore in restores:
        named = [
            each
            for each in artifacts
            if each.state == restore.state and restore.name in {None, each.name}
        ]
        if not named:
            what = f" named {restore.name}" if restore.name else ""
            raise NotFound(
                f"State {restore.state} has no artifact{what} to restore.",
                code="artifact-not-found",
                field="--restore",
                hint="To see what there is: bldst artifact list BUILD",
            )
        if restore.path is not None and len(named) > 1:
            raise InvalidInput(
                f"State {restore.state} has {len(named)} artifacts, which cannot all be"
                f" {restore.path}; name one: --restore {restore.state}:NAME={restore.path}",
                field="--restore",
            )
        found.extend((each, path_for(each, restore.path, folder)) for each in named)
    return found
