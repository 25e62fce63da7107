"""Processes that pull the same at once."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from buildstate_worker.transfer import digest_of

from .pulls import IMAGE, files_in

PULL_WHEN_TOLD = """
import sys
from pathlib import Path
from buildstate_worker.transfer import ArtifactStore
cache, uri, checksum, target = sys.argv[1:]
store = ArtifactStore(cache_dir=Path(cache))
print("ready", flush=True)
sys.stdin.readline()
store.pull(uri, Path(target), checksum=checksum, size_bytes=None)
"""

PULL_AGAIN_AND_AGAIN = """
import sys
from pathlib import Path
from buildstate_worker.transfer import ArtifactStore
cache, uri, checksum, target = sys.argv[1:]
store = ArtifactStore(cache_dir=Path(cache), cache_max_bytes=0)
for _ in range(100):
    Path(target).unlink(missing_ok=True)
    store.pull(uri, Path(target), checksum=checksum, size_bytes=None)
"""


def test_processes_may_pull_the_same_at_once(place: Any, workspace: Path, cache_dir: Path) -> None:
    place.write("image.raw", IMAGE)
    (workspace / "right").write_bytes(IMAGE)
    checksum = digest_of(workspace / "right")
    workers = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", PULL_WHEN_TOLD, str(cache_dir), place.uri("image.raw")),
                *(checksum, str(workspace / str(number // 2))),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(6)
    ]
    for worker in workers:
        assert worker.stdout
        assert worker.stdout.readline() == b"ready\n"
    for worker in workers:
        assert worker.stdin
        worker.stdin.write(b"go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=120)
        assert worker.returncode == 0
    for number in range(3):
        assert digest_of(workspace / str(number)) == checksum
    assert len(files_in(cache_dir)) == 1
    assert sorted(path.name for path in workspace.iterdir()) == ["0", "1", "2", "right"]


def test_processes_may_pull_the_same_at_once_where_nothing_is_cached(
    folder: Any, workspace: Path, cache_dir: Path
) -> None:
    (workspace / "right").write_bytes(IMAGE[: 2**18])
    checksum = digest_of(workspace / "right")
    folder.write("image.raw", IMAGE[: 2**18])
    workers = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", PULL_AGAIN_AND_AGAIN, str(cache_dir)),
                *(folder.uri("image.raw"), checksum, str(workspace / str(number))),
            ]
        )
        for number in range(5)
    ]
    try:
        assert [worker.wait(timeout=120) for worker in workers] == [0] * 5
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    assert {digest_of(path) for path in workspace.iterdir()} == {checksum}
    assert files_in(cache_dir) == []
