"""The cache of pulled artifacts, for people, from the data that scripts get."""

from collections.abc import Mapping
from typing import Any

from buildstate_cli.output import formats
from buildstate_cli.output.page import Fields, Page, Table

_COLUMNS = ("CHECKSUM", "SIZE", "ON DISK", "LAST USED", "NOTE")


def usage(found: Mapping[str, Any]) -> Page:
    """Return how much space a cache takes up, and how much it may."""
    return [
        Fields(
            [
                ("folder", found["folder"]),
                ("entries", str(found["entries"])),
                ("size_bytes", _size(found["size_bytes"])),
                ("disk_bytes", _size(found["disk_bytes"])),
                ("max_bytes", _size(found["max_bytes"])),
                ("oldest_use", found["oldest_use"] or ""),
                ("newest_use", found["newest_use"] or ""),
                ("incoming", str(found["incoming"])),
            ]
        )
    ]


def pruned(found: Mapping[str, Any]) -> Page:
    """Return what was removed, or would be, and what stays because it is in use."""
    would = "would be " if found["dry_run"] else ""
    rows = [
        (
            each["checksum"],
            formats.size(each["size_bytes"]),
            formats.size(each["disk_bytes"]),
            each["used_at"],
            note,
        )
        for group, note in (("removed", f"{would}removed"), ("in_use", "in use: stays"))
        for each in found[group]
    ]
    freed = formats.size(found["freed_bytes"])
    count = formats.count(len(found["removed"]), "artifact")
    downloads = formats.count(found["broken_downloads"], "broken download")
    sentence = f"{count} and {downloads} {would or 'were '}removed, {freed} freed."
    table = Table(columns=_COLUMNS, rows=rows)
    return [table, sentence] if rows else [sentence]


def verified(found: Mapping[str, Any]) -> Page:
    """Return how many artifacts were verified, and which were damaged."""
    damaged = [(each["checksum"], each["path"], each["damage"]) for each in found["damaged"]]
    looked = f"{formats.count(found['entries'], 'artifact')} ({formats.size(found['size_bytes'])})"
    sentence = f"{looked} hashed again, {len(damaged)} damaged."
    table = Table(
        columns=("CHECKSUM", "PATH", "DAMAGE"), rows=damaged, free_text=frozenset({"PATH"})
    )
    return [table, sentence] if damaged else [sentence]


def _size(size_bytes: int) -> str:
    return f"{size_bytes} ({formats.size(size_bytes)})"
