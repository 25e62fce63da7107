"""Record what was uploaded, as one with the completion; or remove it, if that is refused."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from pydantic import ValidationError

from buildstate_core.errors import BuildStateError, NotAllowed, Unreachable
from buildstate_core.models import Attempt, Complete, Discovered
from buildstate_worker.attempt.upload import Uploaded

Recorded = TypeVar("Recorded")


def record(
    uploaded: Uploaded,
    *,
    message: str | None = None,
    reads: Sequence[Discovered] = (),
    revised: Mapping[str, str | None] = MappingProxyType({}),
) -> Attempt:
    """Record what was uploaded and the completion as one.

    If that is refused, the attempt is failed, and what was uploaded is removed.

    Args:
        uploaded: What was uploaded.
        message: How it went, in words.
        reads: What it was seen to read.
        revised: The parts of its fingerprint that turned out otherwise.

    Raises:
        StaleClaim: The milestone was lost or taken over meanwhile; nothing is recorded.
        Unreachable: The service does not answer. It may have been recorded.
    """
    claimed = uploaded.claimed

    def complete() -> Attempt:
        return claimed.worker.client.complete(
            claimed.attempt.id,
            Complete(
                token=claimed.token,
                artifacts=uploaded.records,
                message=message,
                discovered=tuple(reads),
                revised=dict(revised),
            ),
        )

    attempt = record_or_undo(complete, undo=uploaded.undo, leave=claimed.end)
    claimed.end()
    return attempt


def record_or_undo(
    record: Callable[[], Recorded],
    *,
    undo: Callable[[BaseException], None],
    leave: Callable[[], None],
) -> Recorded:
    """Record uploads, and undo them only if they were surely not recorded.

    Args:
        record: Records them in the service.
        undo: Removes them; called with the error by which the service refuses them for good.
        leave: Called when they may have been recorded all the same, so that they have to stay.

    Raises:
        BuildStateError: What `record` raises.
        ValidationError: What `record` raises.
    """
    try:
        return record()
    except (Unreachable, NotAllowed):
        # A try whose answer was lost may have been recorded.
        leave()
        raise
    except (BuildStateError, ValidationError) as error:
        undo(error)
        raise
