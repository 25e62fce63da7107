"""Catalogues and their versions, for people."""

from collections.abc import Sequence
from itertools import zip_longest

from buildstate_cli.output import formats
from buildstate_cli.output.page import Page, Table
from buildstate_core.models import Catalog

_COLUMNS = ("CODE", "NAME", "REQUIRED", "REQUIRES", "EXPECTED", "DESCRIPTION")

_HISTORY = ("VERSION", "WHEN", "STATES", "CHANGE")

_FREE_TEXT = frozenset({"NAME", "DESCRIPTION"})


def one(catalog: Catalog) -> Page:
    """Return the states of one version of a catalogue."""
    rows = [
        (
            str(each.code),
            each.name,
            "yes" if each.required else "",
            ", ".join(map(str, each.requires)),
            formats.duration(each.expected_seconds),
            each.description,
        )
        for each in catalog.states
    ]
    head = f"Catalogue of {catalog.project}, version {catalog.version}."
    return [head, Table(columns=_COLUMNS, rows=rows, free_text=_FREE_TEXT)]


def changed(catalog: Catalog, *, is_for_open: bool = False) -> Page:
    """Return a sentence about the version that a change made, and the builds it applies to.

    Args:
        catalog: The new version.
        is_for_open: Whether builds in flight take it over.
    """
    sentence = (
        f"The catalogue of {catalog.project} is now version {catalog.version}, with"
        f" {formats.count(len(catalog.states), 'state')}."
        f" Builds in flight {'take it over' if is_for_open else 'keep theirs'}."
    )
    return [sentence]


def history(versions: Sequence[Catalog]) -> Page:
    """Return the versions of a catalogue, newest first, each with what it changed."""
    rows = [
        (
            str(each.version),
            formats.time(each.created_at),
            str(len(each.states)),
            _difference(before, each) if before else "the first version",
        )
        for each, before in zip_longest(versions, versions[1:])
    ]
    return [Table(columns=_HISTORY, rows=rows, free_text=frozenset({"CHANGE"}))]


def _difference(before: Catalog, after: Catalog) -> str:
    """Return which states a version added, removed and changed, by their codes."""
    old = {each.code: each for each in before.states}
    new = {each.code: each for each in after.states}
    codes = {
        "added": [code for code in new if code not in old],
        "removed": [code for code in old if code not in new],
        "changed": [code for code in new if code in old and new[code] != old[code]],
    }
    changes = [
        f"{what} {formats.listed([str(c) for c in each])}" for what, each in codes.items() if each
    ]
    return "; ".join(changes) or "nothing"
