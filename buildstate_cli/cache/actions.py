"""Show, prune and verify the cache of pulled artifacts on this machine."""

from collections.abc import Iterable
from datetime import UTC, datetime

import typer
from pydantic import JsonValue

from buildstate_cli.cache import view as views
from buildstate_cli.exit_codes import FAILED
from buildstate_cli.options import Format
from buildstate_cli.output.messages import warn
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_core.errors import InvalidInput
from buildstate_core.units import parse_size
from buildstate_worker.cache.cache import Cache, Entry
from buildstate_worker.cache.verify import Verified, verified
from buildstate_worker.storage.failures import on_this_disk


def show_usage(session: Session, output: Format) -> None:
    """Print what the cache takes up."""
    cache = _cache(session)
    with on_this_disk(cache.folder):
        entries = cache.entries()
        usage: dict[str, JsonValue] = {
            "folder": str(cache.folder),
            "entries": len(entries),
            "size_bytes": sum(each.size_bytes for each in entries),
            "disk_bytes": sum(each.disk_bytes for each in entries),
            "max_bytes": cache.max_bytes,
            "oldest_use": _time(entries[0]) if entries else None,
            "newest_use": _time(entries[-1]) if entries else None,
            "incoming": len(cache.incoming()),
        }
    show(usage, output, views.usage)


def prune(
    session: Session, output: Format, *, max_size: str | None, is_all: bool, dry_run: bool
) -> None:
    """Remove the least recently used artifacts above a limit, and print them."""
    cache = _cache(session)
    max_bytes = _limit(cache, max_size, is_all=is_all)
    with on_this_disk(cache.folder):
        abandoned = cache.remove_abandoned(dry_run=dry_run)
        room = cache.make_room(max_bytes, dry_run=dry_run)
    pruned: dict[str, JsonValue] = {
        "folder": str(cache.folder),
        "max_bytes": max_bytes,
        "dry_run": dry_run,
        "removed": _described(room.removed),
        "freed_bytes": sum(each.disk_bytes for each in room.removed),
        "in_use": _described(room.in_use),
        "broken_downloads": abandoned,
    }
    show(pruned, output, views.pruned)


def verify(session: Session, output: Format) -> None:
    """Hash every entry again, remove the damaged ones, and print what they were.

    Raises:
        typer.Exit: There were any.
    """
    cache = _cache(session)
    looks: list[Verified] = []
    for each in verified(cache):
        looks.append(each)
        if each.damage is not None:
            warn(f"{each.entry.path} was damaged and has been removed: {each.damage}.")
    found: dict[str, JsonValue] = {
        "folder": str(cache.folder),
        "entries": len(looks),
        "size_bytes": sum(each.entry.size_bytes for each in looks),
        "damaged": _described_damage(looks),
    }
    show(found, output, views.verified)
    if found["damaged"]:
        raise typer.Exit(FAILED)


def _cache(session: Session) -> Cache:
    settings = session.settings
    return Cache(settings.cache_dir.absolute(), max_bytes=settings.cache_max_bytes)


def _limit(cache: Cache, max_size: str | None, *, is_all: bool) -> int:
    if max_size is None:
        return 0 if is_all else cache.max_bytes
    if is_all:
        raise InvalidInput(
            "--all and --max-size are both given; use one of the two.", field="--max-size"
        )
    size = parse_size(max_size)
    if size is None:
        raise InvalidInput(
            f'--max-size is "{max_size}"; use a size such as 10G, or a number of bytes.',
            field="--max-size",
        )
    return size


def _described(entries: Iterable[Entry]) -> list[JsonValue]:
    return [
        {
            "checksum": each.checksum,
            "size_bytes": each.size_bytes,
            "disk_bytes": each.disk_bytes,
            "used_at": _time(each),
        }
        for each in entries
    ]


def _described_damage(looks: Iterable[Verified]) -> list[JsonValue]:
    return [
        {"checksum": each.entry.checksum, "path": str(each.entry.path), "damage": each.damage}
        for each in looks
        if each.damage is not None
    ]


def _time(entry: Entry) -> str:
    return f"{datetime.fromtimestamp(entry.used_at, UTC):%Y-%m-%dT%H:%M:%SZ}"
