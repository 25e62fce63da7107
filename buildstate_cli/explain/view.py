"""Why a milestone runs or not, part by part, for people."""

from typing import Final

from buildstate_cli.output import formats
from buildstate_cli.output.page import Block, Page, Table
from buildstate_core.models import Explanation, Part, PartChange
from buildstate_core.vocabulary import Decision

_COLUMNS = ("PART", "BEFORE", "NOW", "CHANGE")

_FREE_TEXT = frozenset({"PART"})

_ORDER: Final = (PartChange.CHANGED, PartChange.UNKNOWN, PartChange.SAME)

_RERUN: Final = {
    Decision.SKIP: "skips {}",
    Decision.RESTORE: "restores {}",
    Decision.RUN: "runs {}",
    Decision.WAIT: "waits for {}",
    Decision.REFUSE: "refuses {}",
}
_ATTEMPT: Final = {
    Decision.SKIP: "was skipped",
    Decision.RESTORE: "was restored",
    Decision.RUN: "ran",
    Decision.WAIT: "waited",
    Decision.REFUSE: "was refused",
}

_NEVER_COMPARED: Final = {
    "code": "Never compared: the environment, installed packages, what commands and C code read.",
    "command": "Never compared: the environment, remote sources, what scripts of its scripts read.",
}
"""By the part that says what ran."""


def one(explanation: Explanation) -> Page:
    """Return a decision and its reason, what was compared, and how each part came out."""
    return [sentence(explanation), *_comparison(explanation)]


def sentence(explanation: Explanation) -> str:
    """Return a sentence about what a rerun would do, or why one of the attempts ran."""
    each = explanation
    state = f"state {formats.state(each.state, each.state_name)}{formats.lane(each.lane)}"
    if each.attempt is None:
        does = _RERUN[each.decision].format(state)
        return f"A rerun of build #{each.build} {does}: {each.text}."
    of = f"Attempt {each.attempt} of {state}, build #{each.build},"
    return f"{of} {_ATTEMPT[each.decision]}: {each.text}."


def _comparison(explanation: Explanation) -> list[Block]:
    if explanation.compared_attempt is None or explanation.compared_build is None:
        return ["There was nothing to compare with: no earlier attempt has a result to keep."]
    other = f"attempt {explanation.compared_attempt} of build #{explanation.compared_build}"
    if not explanation.parts:
        return [f"Compared with {other}: neither says what it was made from."]
    parts = sorted(explanation.parts, key=lambda each: (_ORDER.index(each.change), each.part))
    blocks: list[Block] = [
        f"Compared with {other}:",
        Table(columns=_COLUMNS, rows=[_row(each) for each in parts], free_text=_FREE_TEXT),
    ]
    if any(each.change is PartChange.UNKNOWN for each in parts):
        blocks.append("What is unknown is said by one of the two only, and not taken for a change.")
    names = {each.part for each in parts}
    blocks += [text for part, text in _NEVER_COMPARED.items() if part in names]
    if explanation.attempt is None:
        blocks.append("What a rerun brings along (code, parameters, files) is known only then.")
    return blocks


def _row(part: Part) -> tuple[str, ...]:
    return (part.part, formats.digest(part.before), formats.digest(part.now), part.change)
