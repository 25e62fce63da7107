"""`bldst build compare`: builds side by side, state by state.

What a build did not do itself, because it starts from a checkpoint of another one, is looked up
in that one, and in the one which that derives from.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from buildstate_cli.actions.checking import build_reference
from buildstate_cli.actions.connection import connect
from buildstate_cli.complaints import warn
from buildstate_cli.options import Format
from buildstate_cli.printing import show
from buildstate_cli.session import Session
from buildstate_cli.views import comparisons
from buildstate_core.client import Client
from buildstate_core.errors import InvalidInput, NotAllowed, NotFound
from buildstate_core.models import Artifact, Attempt, Build
from buildstate_core.vocabulary import MAX_STATE, TRUNK, ArtifactKind

Milestones = Mapping[tuple[str, int], Attempt]
"""The attempt that counts, for each lane and state."""

_DIGEST: Final = "sha256:"


@dataclass(frozen=True)
class _Side:
    """One of the builds, and what it has to show for each milestone."""

    build: Build
    milestones: Milestones


def compare(session: Session, output: Format, references: Sequence[str]) -> None:
    """Print builds side by side."""
    wanted = [build_reference(each) for each in references]
    with connect(session) as client:
        found = [client.get_build(each) for each in dict.fromkeys(wanted)]
        builds = list({each.number: each for each in found}.values())
        if len(builds) == 1:
            raise InvalidInput(
                f"Build #{builds[0].number} is compared with itself; name another one.",
                field="BUILD",
            )
        sides = [_Side(each, _milestones(client, each)) for each in builds]
    show(_compared(sides), output, comparisons.one)


def _milestones(client: Client, build: Build) -> Milestones:
    """Give what a build did and what it inherited; its own counts."""
    own = _counting(client.history(build.number))
    found = {
        (TRUNK, state): attempt
        for state, attempt in _inherited(client, build).items()
        if (TRUNK, state) not in own
    }
    return {**found, **own}


def _inherited(client: Client, build: Build) -> dict[int, Attempt]:
    """Give what a build starts from, state by state; the nearest build that did it counts.

    What that one did after this build had begun is not part of it.
    """
    found: dict[int, Attempt] = {}
    highest, seen = MAX_STATE, {build.number}
    while build.derived_from is not None and build.derived_from not in seen:
        highest = min(highest, MAX_STATE if build.derived_state is None else build.derived_state)
        child = build
        try:
            build = client.get_build(build.derived_from)
            attempts = [
                each
                for each in client.history(build.number)
                if each.status.is_done and _ended_before(child.created_at, each)
            ]
        except (NotFound, NotAllowed) as error:
            warn(f"what #{child.number} starts from cannot be read: {error.message}")
            return found
        seen.add(build.number)
        for state, attempt in _by_state(attempts).items():
            if state <= highest:
                found.setdefault(state, attempt)
    return found


def _ended_before(at: datetime, attempt: Attempt) -> bool:
    return attempt.finished_at is not None and attempt.finished_at <= at


def _by_state(attempts: Sequence[Attempt]) -> dict[int, Attempt]:
    """Give one attempt for each state: the trunk's, or that of the only lane which has it.

    A build does not say which lane of another one it starts from, so that where several lanes
    have a state it is not known which one is meant.
    """
    found: dict[int, Attempt] = {}
    counting = _counting(attempts)
    for (lane, state), attempt in counting.items():
        lanes = [each for each, its_state in counting if its_state == state]
        if lane == TRUNK or len(lanes) == 1:
            found[state] = attempt
    return found


def _counting(attempts: Sequence[Attempt] | Iterator[Attempt]) -> dict[tuple[str, int], Attempt]:
    """Give the newest attempt at each milestone."""
    ordered = sorted(attempts, key=lambda each: each.attempt)
    return {(each.lane, each.state): each for each in ordered}


def _compared(sides: Sequence[_Side]) -> dict[str, JsonValue]:
    milestones = sorted({each for side in sides for each in side.milestones})
    rows: list[JsonValue] = []
    for lane, state in milestones:
        attempts = [side.milestones.get((lane, state)) for side in sides]
        names = [each.state_name for each in attempts if each is not None and each.state_name]
        rows.append(
            {
                "state": state,
                "state_name": names[0] if names else None,
                "lane": lane,
                "cells": [
                    None if attempt is None else _cell(side.build, attempt)
                    for side, attempt in zip(sides, attempts, strict=True)
                ],
            }
        )
    return {"builds": [side.build.model_dump(mode="json") for side in sides], "states": rows}


def _cell(build: Build, attempt: Attempt) -> dict[str, JsonValue]:
    return {
        "status": attempt.status.value,
        "attempt": attempt.attempt,
        "duration_seconds": attempt.duration_seconds,
        "checksum": _digest(attempt.artifacts),
        "inherited_from": None if attempt.build == build.number else attempt.build,
    }


def _digest(artifacts: Sequence[Artifact]) -> str | None:
    """Give one digest of all that an attempt left, the same on any worker and in any storage.

    That of a single blob is its own. Handles are other ones in every build, and say nothing here.
    `None` if there is nothing to compare, or a part of it has no digest.
    """
    parts = {
        each.name: each.checksum if each.kind is ArtifactKind.BLOB else _of_value(each)
        for each in artifacts
        if each.kind is not ArtifactKind.HANDLE
    }
    if len(parts) == 1:
        return next(iter(parts.values()))
    if not parts or None in parts.values():
        return None
    listed = "".join(f"{name} {digest}\n" for name, digest in sorted(parts.items()))
    return _DIGEST + hashlib.sha256(listed.encode()).hexdigest()


def _of_value(artifact: Artifact) -> str:
    value = json.dumps(artifact.metadata.get("value"), sort_keys=True, separators=(",", ":"))
    return _DIGEST + hashlib.sha256(value.encode()).hexdigest()
