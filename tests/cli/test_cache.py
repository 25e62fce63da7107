"""`bldst cache`: what this machine keeps, less of it, and whether it is still whole."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from buildstate_worker.cache.cache import Cache

EACH = 64 * 1024

USE = """
import sys
from pathlib import Path
from buildstate_worker.cache.cache import Cache
with Cache(Path(sys.argv[1])).using(sys.argv[2]) as path:
    print(path, flush=True)
    sys.stdin.readline()
    sys.stdout.buffer.write(path.read_bytes())
"""


def content_of(name: str) -> bytes:
    return name.encode() * EACH


def checksum_of(name: str) -> str:
    return f"sha256:{hashlib.sha256(content_of(name)).hexdigest()}"


@pytest.fixture
def cache(environment: dict[str, str]) -> Cache:
    """A cache with artifacts of 64 KiB: `a`, last used at noon, then `b` and `c` by the minute."""
    cache = Cache(Path(environment["BLDST_CACHE_DIR"]))
    for number, name in enumerate("abc"):
        with cache.partial_download() as partial:
            partial.write(content_of(name))
            cache.keep(partial, checksum_of(name))
        noon = 1_795_608_000 + 60 * number
        os.utime(cache.path_of(checksum_of(name)), (noon, noon))
    return cache


@pytest.fixture
def use(cache: Cache) -> Iterator[Callable[[str], Any]]:
    """Use an artifact in another process, as a pull does."""
    started = []

    def start(name: str) -> Any:
        reader = subprocess.Popen(
            [sys.executable, "-c", USE, str(cache.folder), checksum_of(name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(reader)
        assert reader.stdout
        assert reader.stdout.readline()
        return reader

    yield start
    for each in started:
        each.kill()
        each.communicate()


def names(cache: Cache) -> str:
    letters = {checksum_of(each): each for each in "abc"}
    return "".join(letters[each.checksum] for each in cache.entries())


def test_show_says_what_there_is_and_what_may_be(bldst: Callable[..., Any], cache: Cache) -> None:
    shown = bldst("cache", "show", "-o", "json", BLDST_CACHE_MAX_BYTES="1G").data
    assert shown == {
        "folder": str(cache.folder),
        "entries": 3,
        "size_bytes": 3 * EACH,
        "disk_bytes": sum(each.disk_bytes for each in cache.entries()),
        "max_bytes": 2**30,
        "oldest_use": "2026-11-25T12:00:00Z",
        "newest_use": "2026-11-25T12:02:00Z",
        "incoming": 0,
    }
    answer = bldst("cache", "show", BLDST_CACHE_MAX_BYTES="1G")
    assert "196608 (192.0 KiB)" in answer.out
    assert "1073741824 (1.0 GiB)" in answer.out


def test_an_empty_cache_is_no_error(bldst: Callable[..., Any], environment: Any) -> None:
    shown = bldst("cache", "show", "-o", "json").data
    assert (shown["entries"], shown["oldest_use"]) == (0, None)
    assert bldst("cache", "prune").out.startswith("0 artifacts and 0 broken downloads were removed")
    assert bldst("cache", "verify").out == "0 artifacts (0 B) hashed again, 0 damaged.\n"
    assert not Path(environment["BLDST_CACHE_DIR"]).exists()


def test_prune_keeps_the_limit_of_the_settings(bldst: Callable[..., Any], cache: Cache) -> None:
    answer = bldst("cache", "prune", "-o", "json", BLDST_CACHE_MAX_BYTES=str(2 * EACH))
    assert [each["checksum"] for each in answer.data["removed"]] == [checksum_of("a")]
    assert answer.data["freed_bytes"] == answer.data["removed"][0]["disk_bytes"]
    assert names(cache) == "bc"
    assert bldst("cache", "prune").code == 0
    assert names(cache) == "bc"


def test_prune_takes_a_size_and_may_be_rehearsed(bldst: Callable[..., Any], cache: Cache) -> None:
    rehearsed = bldst("cache", "prune", "--max-size", "64K", "--dry-run")
    assert "2 artifacts and 0 broken downloads would be removed, 128.0 KiB freed." in rehearsed.out
    assert names(cache) == "abc"
    pruned = yaml.safe_load(bldst("cache", "prune", "--max-size", "64K", "-o", "yaml").out)
    assert (len(pruned["removed"]), pruned["dry_run"]) == (2, False)
    assert names(cache) == "c"


def test_prune_never_takes_what_another_process_uses(
    process: Callable[..., Any], cache: Cache, use: Callable[[str], Any]
) -> None:
    reader = use("b")
    pruned = process("cache", "prune", "--all")
    assert pruned.code == 0
    assert "in use: stays" in pruned.out
    assert names(cache) == "b"
    out, _ = reader.communicate(b"go on\n", timeout=60)
    assert out == content_of("b")
    assert process("cache", "prune", "--all").code == 0
    assert names(cache) == ""


def test_prune_removes_what_the_dead_left(bldst: Callable[..., Any], cache: Cache) -> None:
    (cache.folder / "incoming" / "left").touch()
    assert bldst("cache", "prune", "--dry-run", "-o", "json").data["broken_downloads"] == 1
    assert len(cache.incoming()) == 1
    assert bldst("cache", "prune", "-o", "json").data["broken_downloads"] == 1
    assert cache.incoming() == []


@pytest.mark.parametrize("size", ["", "ten", "-1", "10X", "1.5.2G"])
def test_a_size_that_is_none_is_named(size: str, bldst: Callable[..., Any], cache: Cache) -> None:
    answer = bldst("cache", "prune", "--max-size", size)
    assert (answer.code, answer.out) == (2, "")
    assert f'--max-size is "{size}"; use a size such as 10G' in answer.err
    assert names(cache) == "abc"


def test_all_of_it_and_a_size_are_a_contradiction(bldst: Callable[..., Any], cache: Cache) -> None:
    answer = bldst("cache", "prune", "--all", "--max-size", "1G")
    assert answer.code == 2
    assert names(cache) == "abc"


def test_verify_is_content_with_whole_artifacts(bldst: Callable[..., Any], cache: Cache) -> None:
    answer = bldst("cache", "verify")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "3 artifacts (192.0 KiB) hashed again, 0 damaged.\n"
    assert names(cache) == "abc"


@pytest.mark.parametrize("output", ["table", "json", "yaml"])
def test_verify_names_and_removes_what_is_damaged(
    output: str, bldst: Callable[..., Any], cache: Cache
) -> None:
    path = cache.path_of(checksum_of("b"))
    path.chmod(0o600)
    path.write_bytes(b"X" + content_of("b")[1:])
    answer = bldst("cache", "verify", "-o", output)
    assert answer.code == 1
    assert f"{path} was damaged and has been removed: its digest is sha256:" in answer.err
    if output != "table":
        (damaged,) = yaml.safe_load(answer.out)["damaged"]
        assert (damaged["checksum"], damaged["path"]) == (checksum_of("b"), str(path))
    assert "b" not in names(cache)
    assert bldst("cache", "verify").code == 0


def test_a_cache_that_cannot_be_read_is_named(
    bldst: Callable[..., Any], environment: dict[str, str]
) -> None:
    Path(environment["BLDST_CACHE_DIR"]).mkdir()
    (Path(environment["BLDST_CACHE_DIR"]) / "sha256").write_text("a file")
    answer = bldst("cache", "prune", "--all")
    assert answer.code == 4
    assert "Not a directory" in answer.err
