"""Where a downloaded artifact is put."""

from pathlib import Path

from buildstate_core.models import Artifact
from buildstate_worker.artifacts import is_folder, place_of


def path_for(artifact: Artifact, wanted: str | None, folder: Path) -> str:
    """Return the path that an artifact goes to: where it was made, or what was asked for.

    As with `cp`, a file goes into a folder that is there, and anything into what ends in a slash.

    Args:
        artifact: A blob.
        wanted: What was asked for.
        folder: What both are relative to.
    """
    place = place_of(artifact)
    if wanted is None:
        return str(place)
    goes_into = not is_folder(artifact) and (folder / wanted).is_dir()
    return str(Path(wanted, place.name)) if goes_into or wanted.endswith("/") else wanted
