"""Claims, and the attempts that they make.

A claim is answered in one transaction that holds the build's row, so that two claimants never see
the same free milestone; a partial unique index says the same a second time. Every later write of
the holder carries the claim's token, and is refused once the attempt is not live or its lease has
run out.

The whole contract of leases, tokens and fences is in docs/explanation/lease-contract.md.
"""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from buildstate_api.attempts import lifecycle, queries
from buildstate_api.attempts.history import BuildHistory, load_history
from buildstate_api.attempts.leases import extend_leases_after_outage
from buildstate_api.attempts.recorded_artifacts import add_artifacts
from buildstate_api.attempts.tokens import check_live, is_token_of, token_hash
from buildstate_api.claims import answers
from buildstate_api.claims import queries as queries_of_claims
from buildstate_api.tables import AttemptRow, BuildRow, ReadsRow
from buildstate_api.views import attempt_view, storage_rules
from buildstate_core.errors import NotFound
from buildstate_core.models import (
    Attempt,
    Claim,
    ClaimRequest,
    Complete,
    Fail,
    Heartbeat,
    Lease,
)
from buildstate_core.rules.claims import (
    ClaimQuery,
    Closed,
    Granted,
    HeldByOther,
    Inside,
    RequiresFirst,
    RunFirst,
    Skipped,
    answer_claim,
)
from buildstate_core.rules.facts import CARRIERS
from buildstate_core.rules.fingerprints import is_unverified, revised, with_verified
from buildstate_core.rules.reads import Reads, are_as_before, declares_more, with_reads
from buildstate_core.rules.reasons import describe
from buildstate_core.rules.recipes import Recipe
from buildstate_core.vocabulary import TRUNK, AttemptStatus, BuildStatus, ClaimDecision, Kind, Seen


async def claim(session: AsyncSession, ref: str, request: ClaimRequest) -> Claim:
    """Answer a claim: skip, run, or held.

    Raises:
        Refused: Another milestone has to run on this machine first.
        Conflict: The build takes no more work.
    """
    build = await lifecycle.find(session, ref, lock=True)
    now = await lifecycle.mark_lost(session, build)
    known = await _known(session, build, request)
    closed = _why_closed(build, request)
    required = [each.requires for each in build.catalog.states if each.code == request.state]
    answer = answer_claim(
        known.history,
        _query(request),
        now=now,
        requires=required[0] if required else (),
        is_closed=closed is not None,
    )
    match answer:
        case Skipped(reason, attempt):
            row = known.row(attempt)
            lifecycle.emit_skip(session, build, row, request.worker, reason)
            return answers.skip(build, row, answer, await queries_of_claims.reads(session, row.id))
        case HeldByOther(attempt):
            return answers.held(build, known.row(attempt), request)
        case Inside():
            raise answers.inside(build, request, answer)
        case RunFirst():
            raise answers.run_first(build, request, answer)
        case RequiresFirst():
            raise answers.requires_first(build, request, answer)
        case Closed():
            raise lifecycle.closed(build, closed or "closed")
        case Granted():
            claimed = await _run(session, build, request, answer, known, now)
            await lifecycle.derive(session, build)
            return claimed
        case _:
            assert_never(answer)


async def get_attempt(session: AsyncSession, attempt_id: UUID) -> Attempt:
    """Get one attempt."""
    row = await _find(session, attempt_id)
    return attempt_view(await lifecycle.find(session, row.build_id), row)


async def heartbeat(session: AsyncSession, attempt_id: UUID, beat: Heartbeat) -> Lease:
    """Renew the lease of a claim.

    Raises:
        StaleClaim: The token is not the live claim's.
    """
    now = await extend_leases_after_outage(session)
    row = await _find(session, attempt_id, lock=True)
    build = await lifecycle.find(session, row.build_id)
    check_live(build, row, beat.token, now)
    assert row.lease_seconds is not None  # noqa: S101 - a claim has one
    row.heartbeat_at = now
    row.transfer = None if beat.transfer is None else beat.transfer.model_dump(mode="json")
    row.lease_until = now + timedelta(seconds=row.lease_seconds)
    await session.flush()
    return Lease(lease_seconds=row.lease_seconds, lease_until=row.lease_until)


async def complete(session: AsyncSession, attempt_id: UUID, done: Complete) -> Attempt:
    """Record an attempt's completion and its artifacts, both or neither.

    Repeated with the same token, it has one effect.

    Raises:
        StaleClaim: The token is not the live claim's.
    """
    build, row, now = await _locked_attempt(session, attempt_id)
    if row.status == AttemptStatus.COMPLETED and is_token_of(row, done.token):
        return attempt_view(build, row)
    check_live(build, row, done.token, now)
    left = {*(each.kind for each in done.artifacts), *(each.kind for each in row.artifacts)}
    inferred = Kind.STEP if left.isdisjoint(CARRIERS) else Kind.CHECKPOINT
    row.kind = done.kind or row.kind or inferred
    _revise(row, done)
    row.fingerprint = await _verified(session, build, row)
    await _keep_reads(session, row, done)
    await add_artifacts(session, build, row, done.artifacts)
    lifecycle.end(session, build, row, AttemptStatus.COMPLETED, at=now, message=done.message)
    await lifecycle.derive(session, build)
    return attempt_view(build, await _find(session, attempt_id))


async def fail(session: AsyncSession, attempt_id: UUID, failed: Fail) -> Attempt:
    """Record that an attempt failed, or that a person stopped it.

    Raises:
        StaleClaim: The token is not the live claim's.
    """
    status = AttemptStatus.CANCELLED if failed.cancelled else AttemptStatus.FAILED
    build, row, now = await _locked_attempt(session, attempt_id)
    if row.status == status and is_token_of(row, failed.token):
        return attempt_view(build, row)
    check_live(build, row, failed.token, now)
    lifecycle.end(session, build, row, status, at=now, message=failed.message)
    await lifecycle.derive(session, build)
    return attempt_view(build, await _find(session, attempt_id))


def _why_closed(build: BuildRow, request: ClaimRequest) -> str | None:
    """Return why a build is closed to a claim. A late lane may need the trunk's steps."""
    closed = lifecycle.why_closed(build, for_lane=request.lane)
    is_for_a_lane = request.rewound and request.lane == TRUNK and bool(build.lanes)
    return None if closed == BuildStatus.COMPLETED and is_for_a_lane else closed


def _query(request: ClaimRequest) -> ClaimQuery:
    return ClaimQuery(
        state=request.state,
        lane=request.lane,
        recipe=Recipe(
            kind=request.kind,
            parts=request.fingerprint,
            older=request.older_fingerprint,
            consumes=request.consumes,
        ),
        machine=request.machine,
        inside=frozenset(map(str, request.inside)),
        is_rewound=request.rewound,
        refuted=None if request.refuted is None else str(request.refuted),
        changed_read=request.changed_read,
        max_age_days=request.max_age_days,
    )


async def _known(session: AsyncSession, build: BuildRow, request: ClaimRequest) -> BuildHistory:
    """Load the history; with what was read at the state, if an input is declared that was not.

    It may have been read without being declared, and then only its content counts.
    """
    known = await load_history(session, build)
    tries = [
        each
        for each in known.history.attempts
        if each.state == request.state and declares_more(each.fingerprint, request.fingerprint)
    ]
    if not tries:
        return known
    reads = await queries_of_claims.files_read(session, [UUID(each.id) for each in tries])
    return known.with_reads(reads)


async def _run(  # noqa: PLR0917 - what a claim is made of
    session: AsyncSession,
    build: BuildRow,
    request: ClaimRequest,
    granted: Granted,
    known: BuildHistory,
    now: datetime,
) -> Claim:
    if granted.takes_over is not None:
        reported = known.row(granted.takes_over)
        message = "a claim took over; nobody had said how it went"
        lifecycle.end(session, build, reported, AttemptStatus.LOST, at=now, message=message)
        await session.flush()
    restore = tuple(
        artifact for each in granted.restore for artifact in answers.usable(build, known.row(each))
    )
    token = secrets.token_urlsafe(24)
    row = AttemptRow(
        id=uuid7(),
        build_id=build.id,
        lane=request.lane,
        state=request.state,
        number=granted.number,
        status=AttemptStatus.IN_PROGRESS,
        kind=request.kind,
        reason=granted.reason,
        worker=request.worker,
        as_of=now,
        started_at=now,
        token_hash=token_hash(token),
        fence=await queries_of_claims.next_fence(session),
        lease_seconds=request.lease_seconds,
        lease_until=now + timedelta(seconds=request.lease_seconds),
        heartbeat_at=now,
        fingerprint=dict(granted.fingerprint),
        identity=granted.identity,
        compared_with=None if granted.compared_with is None else UUID(granted.compared_with.id),
        orchestrator=None
        if request.orchestrator is None
        else request.orchestrator.model_dump(mode="json"),
        restored=[each.id for each in restore],
        artifacts=[],
    )
    session.add(row)
    lifecycle.emit_attempt(session, build, row)
    return Claim(
        decision=ClaimDecision.RUN,
        reason=granted.reason,
        text=describe(granted.reason),
        attempt=attempt_view(build, row),
        token=token,
        fence=row.fence,
        lease_seconds=row.lease_seconds,
        lease_until=row.lease_until,
        is_in_place=granted.is_in_place,
        restore=restore,
        storage_url=build.project.storage_url,
        storage=storage_rules(build.project),
    )


def _revise(row: AttemptRow, done: Complete) -> None:
    """Keep what turned out otherwise, which makes another step of it if that was read."""
    row.fingerprint = revised(row.fingerprint, done.revised)
    if any(digest is not None for digest in done.revised.values()):
        row.identity = None


async def _keep_reads(session: AsyncSession, row: AttemptRow, done: Complete) -> None:
    """Keep what an attempt was seen to read, and whether that makes another step of it."""
    found = [each.model_dump(mode="json") for each in done.discovered]
    reads = _reads(found)
    if found:
        session.add(ReadsRow(attempt_id=row.id, reads=found))
    if found and row.identity is not None:
        before = _reads(await queries_of_claims.read_before(session, row))
        row.identity = row.identity if are_as_before(reads, before) else None
    row.fingerprint = with_reads(str(row.id), row.fingerprint, reads)


def _reads(found: Iterable[Mapping[str, Any]]) -> Reads:
    return {each["path"]: (Seen(each["what"]), each["digest"]) for each in found}


async def _verified(session: AsyncSession, build: BuildRow, row: AttemptRow) -> dict[str, str]:
    """Return what an attempt was built on, now that it has verified what it restored."""
    if not any(map(is_unverified, row.fingerprint.values())):
        return row.fingerprint
    known = await load_history(session, build)
    restored = set(map(str, row.restored))
    taken = (
        each
        for each in known.history.attempts
        if restored.intersection(artifact.id for artifact in each.artifacts)
    )
    return with_verified(row.fingerprint, taken)


async def _find(session: AsyncSession, attempt_id: UUID, *, lock: bool = False) -> AttemptRow:
    row = await queries.attempt(session, attempt_id, lock=lock)
    if row is None:
        raise NotFound(
            f"There is no attempt {attempt_id}.", code="attempt-not-found", field="attempt"
        )
    return row


async def _locked_attempt(
    session: AsyncSession, attempt_id: UUID
) -> tuple[BuildRow, AttemptRow, datetime]:
    """Find an attempt and lock its build, in the order in which every writer locks them."""
    build_id = (await _find(session, attempt_id)).build_id
    build = await lifecycle.find(session, build_id, lock=True)
    now = await extend_leases_after_outage(session)
    return build, await _find(session, attempt_id, lock=True), now
