"""Fourth phase: upload the files that a function has returned."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
    """

    live: LiveCall
    uploaded: Uploaded
    returned: ReturnedFiles
    paths: Mapping[str, Path]


def upload(ran: Ran) -> Stored:
    """Store the files that the function has returned.

    Raises:
        InvalidInput: What it returned cannot be recorded, or not be stored there; or somebody who
            works at the same time returns the same.
        Unreachable: The storage does not answer.
    """
    live, spec = ran.live, ran.live.call.spec
    outputs = outputs_of(ran.value, spec.name, spec.storage_options)
    paths = {each.name: each.path for each in outputs if isinstance(each, Blob)}
    returned = live.returned(paths.values())
    returned.note()
    with logged():
        uploaded = attempt.upload(live.claimed, outputs)
    return Stored(live, uploaded, returned, paths)
