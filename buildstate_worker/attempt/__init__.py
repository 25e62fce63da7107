"""One attempt at a milestone, from the claim to what is recorded of it.

Four steps in this order, each of which takes what the one before it returned. What happens between
the first and the third differs: `bldst run` restores files and runs a command, `@milestone` puts
arguments in place and calls a function.

    asked = ask(worker, build, lambda: ClaimRequest(state=25))
    if isinstance(asked, Done):
        ...                                       # nothing to run; asked.artifacts is what it left
    else:
        with asked:                               # fails the attempt if the block raises
            ...                                   # the work
            uploaded = upload(asked, [Blob(name="image", path=Path("image.qcow2"))])
            attempt = record(uploaded)
"""

from buildstate_worker.attempt.ask import Done, ask
from buildstate_worker.attempt.claimed import Claimed, Worker
from buildstate_worker.attempt.compared import Counted
from buildstate_worker.attempt.record import record, record_or_undo
from buildstate_worker.attempt.upload import Uploaded, check_places, upload

__all__ = [
    "Claimed",
    "Counted",
    "Done",
    "Uploaded",
    "Worker",
    "ask",
    "check_places",
    "record",
    "record_or_undo",
    "upload",
]
