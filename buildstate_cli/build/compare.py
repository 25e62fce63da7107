"""`bldst build compare`: builds side by side, state by state."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from buildstate_cli.build import compare_view as comparisons
from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference
from buildstate_core.errors import InvalidInput
from buildstate_core.models import Artifact, Attempt, Build
from buildstate_core.vocabulary import TRUNK, ArtifactKind
from buildstate_worker.client import Client

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
    """Return the newest attempt at each milestone; an inherited one counts for the trunk."""
    found: dict[tuple[str, int], Attempt] = {}
    attempts = list(client.history(build.number, inherited=True))
    for each in sorted(attempts, key=lambda each: (each.build == build.number, each.attempt)):
        found[each.lane if each.build == build.number else TRUNK, each.state] = each
    return found


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
    """Return one digest of all that an attempt left, the same on any worker and in any storage.

    For a single blob it is the blob's own. Handles are left out: they differ in every build.
    `None` if nothing is left to compare, or one artifact has no digest.
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
