"""The cache of pulled artifacts, as pages. The data are those that scripts get."""

from collections.abc import Mapping
from typing import Any

from buildstate_cli.page import Fields, Page, Table
from buildstate_cli.views import words

_COLUMNS = ("CHECKSUM", "SIZE", "ON DISK", "LAST USED", "NOTE")


def usage(found: Mapping[str, Any]) -> Page:
    """Write what a cache takes up, and may."""
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
    """Write what was removed, or would be, and what somebody used."""
    would = "would be " if found["dry_run"] else ""
    rows = [
        (
            each["checksum"],
            words.size(each["size_bytes"]),
            words.size(each["disk_bytes"]),
            each["used_at"],
            note,
        )
        for group, note in (("removed", f"{would}removed"), ("in_use", "in use: stays"))
        for each in found[group]
    ]
    freed = words.size(found["freed_bytes"])
    count = words.count(len(found["removed"]), "artifact")
    downloads = words.count(found["broken_downloads"], "broken download")
    sentence = f"{count} and {downloads} {would or 'were '}removed, {freed} freed."
    table = Table(columns=_COLUMNS, rows=rows)
    return [table, sentence] if rows else [sentence]


def verified(found: Mapping[str, Any]) -> Page:
    """Write how many were looked at and what was damaged."""
    damaged = [(each["checksum"], each["path"], each["damage"]) for each in found["damaged"]]
    looked = f"{words.count(found['entries'], 'artifact')} ({words.size(found['size_bytes'])})"
    sentence = f"{looked} hashed again, {len(damaged)} damaged."
    table = Table(
        columns=("CHECKSUM", "PATH", "DAMAGE"), rows=damaged, free_text=frozenset({"PATH"})
    )
    return [table, sentence] if damaged else [sentence]


def _size(size_bytes: int) -> str:
    return f"{size_bytes} ({words.size(size_bytes)})"
