"""The token of a claim: it proves who holds the claim, until the attempt ends or its lease does.

The whole contract of leases, tokens and fences is in docs/explanation/lease-contract.md.
"""

import hashlib
import secrets
from datetime import datetime

from buildstate_api.attempts.lifecycle import why_closed
from buildstate_api.tables import AttemptRow, BuildRow
from buildstate_core.errors import StaleClaim
from buildstate_core.vocabulary import AttemptStatus


def token_hash(token: str) -> bytes:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def is_token_of(row: AttemptRow, token: str) -> bool:
    """Whether a token is the one that an attempt was claimed with."""
    return row.token_hash is not None and secrets.compare_digest(row.token_hash, token_hash(token))


def check_live(build: BuildRow, row: AttemptRow, token: str, now: datetime) -> None:
    """Raise `StaleClaim` unless the token is that of an attempt's live claim."""
    what = f"state {row.state} of build {build.number}, attempt {row.number}"
    if not is_token_of(row, token):
        raise StaleClaim(
            f"The token is not the one of {what}.",
            field="token",
            hint="Use the token that the claim was answered with.",
        )
    expired = row.lease_until is not None and row.lease_until <= now
    if row.status == AttemptStatus.IN_PROGRESS and not expired and build.superseded_by is None:
        return
    how = "lost: its lease ran out" if row.status == AttemptStatus.IN_PROGRESS else row.status
    if row.status == AttemptStatus.CANCELLED and row.message:
        how = f"cancelled ({row.message})"
    if build.superseded_by is not None:
        how = "given up: its build was restarted"
    raise StaleClaim(
        f"The claim on {what} is {how}; nothing that it says is recorded any more.",
        field="token",
        hint="Claim the milestone again: it may have been done by another worker."
        if why_closed(build) is None
        else f"The build takes no more work. To see why: bldst build interventions {build.number}",
    )
