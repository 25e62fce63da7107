"""What is put into its place in the workspace before a command runs, and where.

The command is told:

- `BLDST_RESTORED`: the paths that were restored, one per line.
- `BLDST_RESTORE_URI`: where the rest is, which only the command itself can restore: one URI
  per line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from buildstate_cli.artifact.destination import path_for
from buildstate_cli.run.flags import Restore
from buildstate_core.errors import InvalidInput, NotFound
from buildstate_core.models import Artifact
from buildstate_core.vocabulary import Activity
from buildstate_worker.artifacts import Artifacts, place_of
from buildstate_worker.runner import Running
from buildstate_worker.transfer import Pulled
from buildstate_worker.transfer_progress import ended


@dataclass(frozen=True)
class Restored:
    """What was put into its place for a command, and what it has to restore itself.

    Attributes:
        paths: Where files and folders were put, in the workspace.
        uris: What the command has to restore.
    """

    paths: Sequence[str]
    uris: Sequence[str]

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables that say so."""
        return {"BLDST_RESTORED": "\n".join(self.paths), "BLDST_RESTORE_URI": "\n".join(self.uris)}


def restore(begun: Running, mover: Artifacts, artifact: Artifact, target: Path) -> Pulled:
    """Put an artifact into its place; meanwhile the heartbeat says how far that is.

    Raises:
        ArtifactLost: It is gone or corrupt, and has been taken out of use.
        ArtifactUnreachable: It cannot be read from here.
    """
    pulled = mover.pull(artifact, target, root=begun.claim.storage_url, on_transfer=begun.note)
    # Who did not know how much would come has not said that this was all.
    begun.note(ended(Activity.DOWNLOADING, artifact.name, size_bytes=pulled.size_bytes))
    return pulled


def targets(
    artifacts: Sequence[Artifact], restores: Sequence[Restore], folder: Path
) -> list[tuple[Artifact, str]]:
    """Give each artifact to restore, and its path in the workspace."""
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
