"""Fourth phase: upload what a command has made."""

import os
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path, PurePosixPath

from buildstate_cli.run.call.prepare import PreparedCall
from buildstate_cli.run.execute import Ran
from buildstate_cli.run.site import Site
from buildstate_core.errors import BuildStateError
from buildstate_worker import attempt
from buildstate_worker.attempt import Uploaded
from buildstate_worker.blobs import Blob, name_of
from buildstate_worker.inputs.source import is_glob, matches, split_glob


def upload(site: Site, prepared: PreparedCall, ran: Ran) -> Uploaded:
    """Store what a command that succeeded has made. The machine is looked at before.

    Raises:
        BuildStateError: Something was not made, or cannot be stored. The attempt is failed.
    """
    try:
        blobs = [
            _made(each, prepared.flags.artifacts, site.workspace.folder, ran.touched)
            for each in prepared.blobs
        ]
    except BuildStateError as error:
        ran.claimed.fail(error.message)
        raise
    ran.machine.look([blob.path for blob in blobs])
    with site.meter:
        return attempt.upload(ran.claimed, blobs)


def _made(blob: Blob, typed: Collection[str], folder: Path, touched: Collection[str]) -> Blob:
    """Return a blob with the file that is there; of a glob, the one that it matches.

    If it matches several, the one that the command has made or changed is meant.

    Raises:
        BuildStateError: There is none, or not exactly one.
    """
    shown = blob.place or blob.path
    if not is_glob(str(blob.path), blob.path):
        if not blob.path.exists():
            raise _not_made(
                f"The command succeeded, but did not make {shown.name}: --artifact {shown} is not"
                " there."
            )
        return blob
    found = matches(*split_glob(str(blob.path)))
    made = [each for each in found if os.path.realpath(each) in touched] if found[1:] else found
    if len(made) != 1:
        matched = f"matches {len(found)} files" if found else "matches nothing"
        what = f"{matched}, {len(made) or 'none'} of which it has made" if found else matched
        raise _not_made(f"The command succeeded, but --artifact {shown} {what}; it has to be one.")
    path = Path(made[0])
    place = None if blob.place is None else PurePosixPath(path.relative_to(folder))
    is_named = any(each.startswith(f"{blob.name}=") for each in typed)
    return replace(blob, path=path, place=place, name=blob.name if is_named else name_of(path))


def _not_made(message: str) -> BuildStateError:
    return BuildStateError(
        message,
        code="artifact-not-made",
        hint="The attempt is recorded as failed. Correct the path, or the command.",
    )
