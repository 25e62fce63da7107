"""The errors of BuildState: one shallow tree that knows no HTTP and no exit codes.

::

    BuildStateError
    ├── InvalidInput      a value is wrong; `field` names it
    ├── NotFound          the thing named does not exist
    ├── Conflict          what was asked does not fit what is recorded
    │   ├── Held          another worker has the milestone; `until` says how long
    │   ├── StaleClaim    the claim's token is no longer the live one
    │   ├── Refused       going on would be wrong or wasteful; `hint` says what to do first
    │   │   └── ArtifactUnreachable   an artifact may exist, but this worker cannot read it
    │   └── ArtifactLost  an artifact is gone or corrupt; `state` has to run again
    ├── NotAllowed        the key is missing, unknown or revoked
    └── Unreachable       the service or a storage cannot be reached

The service turns them into RFC 9457 problems in one place (`buildstate_api.rest.problems`). Each
problem names the class (`default_code`), by which the client turns it back into the same one. The
command line maps each class to an exit code.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypedDict, Unpack


class About(TypedDict, total=False):
    """What every error may be told besides its message; see `BuildStateError`."""

    code: str | None
    field: str | None
    hint: str | None


class BuildStateError(Exception):
    """The base of every error that a person is meant to read.

    Args:
        message: What happened, with the value seen, as a sentence.
        code: A stable identifier in kebab case, unique for the cause (`state-out-of-range`).
        field: The offending field of the request, if one is to blame.
        hint: The next step, as a sentence.
    """

    default_code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.field = field
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class InvalidInput(BuildStateError):
    """A value that was given is wrong."""

    default_code = "invalid-input"


class NotFound(BuildStateError):
    """The thing named does not exist."""

    default_code = "not-found"


class Conflict(BuildStateError):
    """What was asked does not fit what is recorded."""

    default_code = "conflict"


class Held(Conflict):
    """Another worker has the milestone.

    Args:
        holder: The name of that worker.
        until: When its lease ends unless it is renewed, UTC.
    """

    default_code = "held"

    def __init__(
        self,
        message: str,
        *,
        holder: str | None = None,
        until: datetime | None = None,
        **about: Unpack[About],
    ) -> None:
        super().__init__(message, **about)
        self.holder = holder
        self.until = until


class StaleClaim(Conflict):
    """The claim's token is no longer the live one: the milestone was lost, ended or taken over."""

    default_code = "stale-claim"


class Refused(Conflict):
    """Going on would be wrong or wasteful. Nothing was run and nothing was changed.

    Args:
        state: The state to run first, if that is what is needed.
        reason: Why that one, as a code (`upstream_changed:20`).
    """

    default_code = "refused"

    def __init__(
        self,
        message: str,
        *,
        state: int | None = None,
        reason: str | None = None,
        **about: Unpack[About],
    ) -> None:
        super().__init__(message, **about)
        self.state = state
        self.reason = reason


class NotAllowed(BuildStateError):
    """The key is missing, unknown or revoked."""

    default_code = "not-allowed"


class Unreachable(BuildStateError):
    """The service or a storage cannot be reached; trying again later may work."""

    default_code = "unreachable"


class ArtifactUnreachable(Refused):
    """An artifact may well exist, but this worker cannot read it.

    Credentials, network, a missing mount. Running the milestone again would hide that, and cost
    what it took to make the artifact.
    """

    default_code = "artifact-unreachable"


class ArtifactLost(Conflict):
    """An artifact is `gone` from its storage or `corrupt`, and has been quarantined.

    Args:
        reason: `artifact_gone` or `artifact_corrupt`.
        state: The state whose milestone has to run again.
    """

    default_code = "artifact-lost"

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        state: int | None = None,
        **about: Unpack[About],
    ) -> None:
        super().__init__(message, **about)
        self.reason = reason
        self.state = state


ANSWERED: Final[Mapping[str, type[BuildStateError]]] = {
    each.default_code: each
    for each in (
        BuildStateError,
        InvalidInput,
        NotFound,
        Conflict,
        Held,
        StaleClaim,
        Refused,
        NotAllowed,
        Unreachable,
    )
}
"""What the service answers with, by the name of the class; the others arise on a worker only."""
