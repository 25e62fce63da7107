"""Fourth phase: upload what a command has made."""

from buildstate_cli.run.execute import Ran
from buildstate_cli.run.prepare import PreparedCall
from buildstate_cli.run.site import Site
from buildstate_core.errors import BuildStateError
from buildstate_worker import attempt
from buildstate_worker.attempt import Uploaded


def upload(site: Site, prepared: PreparedCall, ran: Ran) -> Uploaded:
    """Store what a command that succeeded has made. The machine is looked at before.

    Raises:
        BuildStateError: Something was not made, or cannot be stored. The attempt is failed.
    """
    blobs = prepared.blobs
    missing = next((blob for blob in blobs if not blob.path.exists()), None)
    if missing is not None:
        ran.claimed.fail(f"the command succeeded, but did not make {missing.path.name}")
        raise BuildStateError(
            f"The command succeeded, but --artifact {missing.place or missing.path} is not there.",
            code="artifact-not-made",
            hint="The attempt is recorded as failed. Correct the path, or the command.",
        )
    ran.machine.look([blob.path for blob in blobs])
    with site.meter:
        return attempt.upload(ran.claimed, blobs)
