"""Upload what a milestone made, to a place that only its attempt has."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from buildstate_core.errors import BuildStateError
from buildstate_core.models import ArtifactRecord
from buildstate_worker.attempt.claimed import Claimed
from buildstate_worker.blobs import Blob


@dataclass(frozen=True)
class Uploaded:
    """What an attempt is about to record.

    Attributes:
        claimed: The attempt.
        records: Everything that it leaves, in the order in which it was given.
        uploads: Those of them whose bytes this attempt has stored.
    """

    claimed: Claimed
    records: tuple[ArtifactRecord, ...] = ()
    uploads: Sequence[ArtifactRecord] = field(default=())

    @contextmanager
    def undone_on_error(self) -> Iterator[None]:
        """Undo it if the block raises."""
        try:
            yield
        except BuildStateError as error:
            self.undo(error)
            raise

    def undo(self, error: BaseException) -> None:
        """Fail the attempt because of an error, and remove what nothing will ever refer to."""
        _give_up(self.claimed, self.uploads, error)


def check_places(claimed: Claimed, blobs: Iterable[Blob]) -> None:
    """Make sure that what will be made can be stored, before work is put into it.

    Raises:
        InvalidInput: It cannot, or not there.
    """
    claimed.worker.artifacts.check_places(blobs, claimed.spot, claimed.claim.storage)


def upload(claimed: Claimed, outputs: Iterable[Blob | ArtifactRecord] = ()) -> Uploaded:
    """Store the blobs among the outputs, and look at the handles.

    Nothing refers to an upload until `record` has recorded it. If one of them fails, the attempt is
    failed, and those before it are removed.

    Raises:
        InvalidInput: What should have been made is not there, or may not be stored there.
        Unreachable: The storage does not answer.
    """
    artifacts = claimed.worker.artifacts
    records: list[ArtifactRecord] = []
    uploads: list[ArtifactRecord] = []
    try:
        for output in outputs:
            if isinstance(output, Blob):
                uploads.append(
                    artifacts.push(
                        output, claimed.spot, claimed.claim.storage, on_transfer=claimed.note
                    )
                )
                records.append(uploads[-1])
            else:
                records.append(artifacts.probes.identified(output))
    except BaseException as error:
        # A signal too: what was uploaded before it came would stay for ever.
        _give_up(claimed, uploads, error)
        raise
    return Uploaded(claimed, tuple(records), tuple(uploads))


def _give_up(claimed: Claimed, uploads: Iterable[ArtifactRecord], error: BaseException) -> None:
    claimed.give_up(error)
    for each in uploads:
        with suppress(BuildStateError):
            claimed.worker.artifacts.discard(each)
