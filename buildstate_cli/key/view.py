"""API keys, for people."""

from collections.abc import Sequence

from buildstate_cli.output import formats
from buildstate_cli.output.page import Page, Table
from buildstate_core.models import Key, NewKey

_COLUMNS = ("NAME", "PREFIX", "CREATED", "LAST USED", "REVOKED", "ID")


def listing(keys: Sequence[Key]) -> Page:
    """Return a table of keys."""
    rows = [
        (
            each.name,
            each.prefix,
            formats.time(each.created_at),
            formats.time(each.last_used_at),
            formats.time(each.revoked_at),
            str(each.id),
        )
        for each in keys
    ]
    return [Table(columns=_COLUMNS, rows=rows, empty="No keys.")]


def secret(key: NewKey) -> Page:
    """Return a new key, and nothing else."""
    return [key.key]


def revoked(key: Key) -> Page:
    """Return a sentence that says that a key no longer works."""
    return [f"Key {key.name} ({key.id}) is revoked."]
