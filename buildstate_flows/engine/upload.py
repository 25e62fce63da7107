"""Fourth phase: upload the files that a function has returned."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from buildstate_flows.engine.live_call import LiveCall
from buildstate_flows.engine.results import outputs_of
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
        paths: Where the files are on this worker, by their artifacts' names.
    """

    live: LiveCall
    uploaded: Uploaded
    paths: Mapping[str, Path]


def upload(ran: Ran) -> Stored:
    """Store the files that the function has returned.

    Raises:
        InvalidInput: What it returned cannot be recorded, or not be stored there.
        Unreachable: The storage does not answer.
    """
    live, spec = ran.live, ran.live.call.spec
    outputs = outputs_of(ran.value, spec.name, spec.storage_options)
    with logged():
        uploaded = attempt.upload(live.claimed, outputs)
    paths = {each.name: each.path for each in outputs if isinstance(each, Blob)}
    return Stored(live, uploaded, paths)
