"""Builds side by side, for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from buildstate_cli.output import formats
from buildstate_cli.output.page import Page, Table

_DIFFERENT = "differ"
_SAME = "same"


def one(compared: Mapping[str, Any]) -> Page:
    """Return builds in columns, one row for each state, and whether their artifacts are the same.

    Args:
        compared: `builds`, and `states` with one cell for each of them.
    """
    builds, states = compared["builds"], compared["states"]
    has_lanes = any(each["lane"] for each in states)
    rows = [
        (
            *((each["lane"],) if has_lanes else ()),
            formats.state(each["state"], each["state_name"]),
            *map(_cell, each["cells"]),
            _verdict(each["cells"]),
        )
        for each in states
    ]
    names = _names(builds)
    columns = (*(("LANE",) if has_lanes else ()), "STATE", *names, "DIGESTS")
    free_text = frozenset({"STATE", *names})
    empty = f"Nothing was recorded of {formats.listed(names)}."
    return [Table(columns=columns, rows=rows, free_text=free_text, empty=empty), _summary(states)]


def _names(builds: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the heading of each column: the build's number and platform."""
    return [" ".join(filter(None, (f"#{each['number']}", each["platform"]))) for each in builds]


def _cell(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return ""
    digest = formats.digest(cell["checksum"])
    if cell["inherited_from"] is not None:
        parts = [f"from #{cell['inherited_from']}", digest]
    else:
        parts = [cell["status"], digest, formats.duration(cell["duration_seconds"])]
    return " ".join(filter(None, parts))


def _verdict(cells: Sequence[Mapping[str, Any] | None]) -> str:
    """Return whether the known digests are the same; nothing with fewer than two."""
    digests = [each["checksum"] for each in cells if each and each["checksum"]]
    if len(digests) <= 1:
        return ""
    return _SAME if len(set(digests)) == 1 else _DIFFERENT


def _summary(states: Sequence[Mapping[str, Any]]) -> str:
    different = sorted({e["state"] for e in states if _verdict(e["cells"]) == _DIFFERENT})
    if different:
        return f"The artifacts differ at {formats.states(different)}."
    if any(_verdict(each["cells"]) == _SAME for each in states):
        return "All artifacts that can be compared are the same."
    return "There are no artifacts to compare."
