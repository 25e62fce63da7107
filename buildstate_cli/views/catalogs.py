"""Catalogues."""

from buildstate_cli.page import Page, Table
from buildstate_cli.views import words
from buildstate_core.models import Catalog

_COLUMNS = ("CODE", "NAME", "REQUIRED", "REQUIRES", "EXPECTED", "DESCRIPTION")

_FREE_TEXT = frozenset({"NAME", "DESCRIPTION"})


def one(catalog: Catalog) -> Page:
    """Write one version of a catalogue."""
    rows = [
        (
            str(each.code),
            each.name,
            "yes" if each.required else "",
            ", ".join(map(str, each.requires)),
            words.duration(each.expected_seconds),
            each.description,
        )
        for each in catalog.states
    ]
    head = f"Catalogue of {catalog.project}, version {catalog.version}."
    return [head, Table(columns=_COLUMNS, rows=rows, free_text=_FREE_TEXT)]


def changed(catalog: Catalog) -> Page:
    """Say which version a change made."""
    sentence = (
        f"The catalogue of {catalog.project} is now version {catalog.version}, with"
        f" {len(catalog.states)} states. Builds in flight keep theirs."
    )
    return [sentence]
