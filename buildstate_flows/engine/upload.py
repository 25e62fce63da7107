"""Fourth phase: upload the files that a function has returned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from buildstate_core.models import Discovered
from buildstate_flows.engine.live_call import LiveCall
from buildstate_flows.engine.results.recorded import outputs_of
from buildstate_flows.engine.results.returned_files import ReturnedFiles
from buildstate_flows.engine.run import Ran
from buildstate_flows.prefect_api.transfers import logged
from buildstate_worker import attempt
from buildstate_worker.attempt import Uploaded
from buildstate_worker.blobs import Blob


@dataclass(frozen=True)
class Stored:
    """A call whose result can be recorded.

    Attributes:
        uploaded: What is recorded.
        returned: The files that it has returned, among those of others.
        paths: Where the files are on this worker, by their artifacts' names.
        reads: What the function was seen to read.
        revised: The parts of its fingerprint that turned out otherwise.
    """

    live: LiveCall
    uploaded: Uploaded
    returned: ReturnedFiles
    paths: Mapping[str, Path]
    reads: Sequence[Discovered]
    revised: Mapping[str, str | None]


def upload(ran: Ran) -> Stored:
    """Store the files that the function has returned.

    Raises:
        InvalidInput: What it returned cannot be recorded, or not be stored there; or somebody who
            works at the same time returns the same; or it has read what an earlier state made and
            did not return.
        Unreachable: The storage does not answer.
    """
    live, spec = ran.live, ran.live.call.spec
    outputs = outputs_of(ran.value, spec.name, spec.storage_options)
    paths = {each.name: each.path for each in outputs if isinstance(each, Blob)}
    reads, revised = ran.reading.judged(), ran.reading.revised()
    returned = live.returned(paths.values())
    returned.note()
    try:
        with logged():
            uploaded = attempt.upload(live.claimed, outputs)
    finally:
        ran.reading.keep(paths.values())
    return Stored(live, uploaded, returned, paths, reads, revised)
