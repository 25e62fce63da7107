"""A folder for each attempt, so that no two that work side by side write to one file."""

from pathlib import Path

from buildstate_core.errors import InvalidInput
from buildstate_flows.engine.inside import inside_of
from buildstate_flows.engine.session import BuildSession


def workdir() -> Path:
    """Return the folder of the attempt that calls this: its own, and empty at first.

    What a milestone leaves there and does not return is removed with the pass's folder.

        @milestone(state=40, lane="{region}")
        def localise(image: Path, region: str) -> Path:
            return shutil.copy(image, workdir() / "image.raw")

    Raises:
        InvalidInput: This is no milestone, or a thread that does not know its milestone.
    """
    attempts = inside_of.get()
    if not attempts:
        raise InvalidInput(
            "There is no milestone here that could have a folder.",
            code="no-milestone",
            hint="Call workdir() in a milestone's function, and in a thread of its own through"
            " `contextvars.copy_context().run`. The whole pass has `current_build().workdir`.",
        )
    folder = BuildSession.current().folder / f"attempt-{attempts[-1]}"
    folder.mkdir(exist_ok=True)
    return folder
