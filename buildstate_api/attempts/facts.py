"""Rows as the rules see them."""

import hashlib
import json
from collections.abc import Iterable

from buildstate_api.tables import ArtifactRow, AttemptRow, BuildRow, InterventionRow
from buildstate_core.rules.facts import ArtifactFact, AttemptFact, Force, History
from buildstate_core.rules.fingerprints import unverified
from buildstate_core.vocabulary import TRUNK, ArtifactKind, ArtifactStatus, AttemptStatus, Kind


def history_of(
    build: BuildRow, rows: Iterable[AttemptRow], forces: Iterable[InterventionRow] = ()
) -> History:
    """Return a build's attempts and those that it inherited as the rules see them.

    Args:
        build: The build.
        rows: The attempts, with their artifacts and the numbers of their builds loaded.
        forces: What people wanted to run again.
    """
    return History.of(
        (attempt_fact(row, build) for row in rows),
        [Force(each.state or 0, each.lane or TRUNK, each.at) for each in forces],
    )


def attempt_fact(row: AttemptRow, build: BuildRow) -> AttemptFact:
    """Return one attempt as the rules see it; one of another build belongs to the trunk."""
    is_inherited = row.build_id != build.id
    return AttemptFact(
        id=str(row.id),
        state=row.state,
        lane=TRUNK if is_inherited else row.lane,
        origin=row.build_number if is_inherited else None,
        number=row.number,
        status=AttemptStatus(row.status),
        kind=None if row.kind is None else Kind(row.kind),
        as_of=row.as_of,
        started_at=row.started_at,
        ended_at=row.ended_at,
        lease_until=row.lease_until,
        worker=row.worker,
        message=row.message,
        reason=row.reason,
        fingerprint=row.fingerprint,
        identity=row.identity,
        artifacts=tuple(_artifact_fact(each) for each in row.artifacts),
        restored=frozenset(map(str, row.restored)),
    )


def _artifact_fact(row: ArtifactRow) -> ArtifactFact:
    return ArtifactFact(
        id=str(row.id),
        name=row.name,
        kind=ArtifactKind(row.kind),
        status=ArtifactStatus(row.status),
        digest=_digest(row),
        unusable_because=row.status_reason,
    )


def _digest(row: ArtifactRow) -> str:
    """Return a digest that tells one artifact from another: of its bytes, its handle, or its value.

    A handle is its id, and what was seen under it: the same name may be made anew. Bytes that
    nobody has verified yet are known by where they are.
    """
    if row.checksum is not None:
        return row.checksum
    if row.kind == ArtifactKind.BLOB:
        return unverified(f"{row.uri}")
    content: object = row.metadata_.get("value")
    if row.kind == ArtifactKind.HANDLE:
        content = row.uri if row.identity is None else [row.uri, row.identity]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"
