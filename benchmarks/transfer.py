"""How fast artifacts move, beside what others make of the same: `make bench`.

Each contender runs in a process of its own, in turn with the others; the fastest of some rounds
counts. Images are in the machine's memory before they are read. Times are this machine's: what
carries over are the ratios, of one run.

What is pulled is in the cache afterwards and, as a private copy, in its place. Where the file
system cannot share blocks between the two, everything is written twice: `twice` and `down, cp` do
so too.

It ends with 1 if a push or a pull has less than `WANTED` of the speed of the slower of storage and
hash, or takes more than `MOST_BYTES` of memory.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from contenders import TINY

from buildstate_core.units import parse_size
from buildstate_worker.files.copying import clone
from buildstate_worker.transfer import digest_of

HERE: Final = Path(__file__).parent
WANTED: Final = 0.9
MOST_BYTES: Final = 300 * 10**6
GIB: Final = 2**30
MIB: Final = 2**20
SPARSE_STEP: Final = 64 * MIB
"""A sparse image has one MiB of data in each of these."""
LARGE_BYTES: Final = 4 * GIB
"""The size of the image for which memory is looked at."""


@dataclass(frozen=True)
class Run:
    """What a contender needed for one image."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Race:
    """Contenders that do the same with an image.

    Attributes:
        storage: The one that does what the storage needs at least.
        ours: Those that are held to `WANTED`.
        others: The rest, to compare with.
    """

    title: str
    storage: str
    ours: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def contenders(self) -> tuple[str, ...]:
        return ("sha256", self.storage, *self.others, *self.ours)


_PUSH_FILE: Final = Race("push to a disk", "cp, fsync", ("push file",))
_PULL_FILE: Final = Race("pull from a disk", "cp", ("pull file",), ("cp, twice",))
_PUSH_S3: Final = Race("push to S3", "boto3 up", ("push s3",), ("aws s3 cp up", "obstore up"))
_PULL_S3: Final = Race(
    "pull from S3",
    "boto3 down",
    ("pull s3",),
    ("aws s3 cp down", "obstore down", "boto3 down, cp", "obstore down, cp"),
)
RACES: Final = {
    "random": (_PUSH_FILE, _PULL_FILE, _PUSH_S3, _PULL_S3),
    "sparse": (_PUSH_FILE, _PULL_FILE, replace(_PUSH_S3, ours=("push s3, auto",)), _PULL_S3),
}


@dataclass(frozen=True)
class Bench:
    """A folder with images, and the environment that contenders run in."""

    folder: Path
    rounds: int
    environ: dict[str, str]

    def run(self, race: Race, image: str) -> dict[str, Run]:
        """Let every contender run once per round, and give each one's fastest run."""
        source = self.folder / f"{image}.raw"
        runs: dict[str, list[Run]] = {name: [] for name in race.contenders}
        for _ in range(self.rounds):
            for name in race.contenders:
                use_memory(self.folder / "memory", 3 * source.stat().st_size)
                runs[name].append(self._once(name, source))
        return {name: min(each, key=lambda run: run.seconds) for name, each in runs.items()}

    def peaks(self, image: str) -> dict[str, int]:
        """Let each of ours run once, and give the memory that it took."""
        ours = [name for race in RACES["random"] for name in race.ours]
        return {name: self._once(name, self.folder / f"{image}.raw").peak_bytes for name in ours}

    def _once(self, name: str, source: Path) -> Run:
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            # What the one before left to be written would be written during this one.
            os.sync()
            done = subprocess.run(
                [sys.executable, HERE / "contenders.py", name, source, f"{scratch}/moved.raw"],
                env=self.environ,
                cwd=scratch,
                stdout=subprocess.PIPE,
                check=True,
            )
        return Run(*json.loads(done.stdout))


def use_memory(path: Path, size_bytes: int) -> None:
    """Have the machine use so much memory for a file, and remove that.

    The host of a virtual machine may take back memory that is free for a second or two. To give it
    again takes ten times as long as to copy to it, of which no contender should have more than
    another.
    """
    piece = bytes(64 * 1024)
    with path.open("wb", buffering=0) as file:
        for _ in range(size_bytes // len(piece)):
            file.write(piece)
    path.unlink()


def make_images(folder: Path, size_bytes: int) -> None:
    """Make the images: one that is all data and does not compress, one that is mostly holes."""
    chunk = random.Random(0).randbytes(SPARSE_STEP)  # noqa: S311 - the same in every run
    (folder / TINY).write_bytes(chunk[:1000])
    make_random(folder / "random.raw", chunk, size_bytes)
    make_random(folder / "large.raw", chunk, LARGE_BYTES)
    with (folder / "sparse.raw").open("wb") as file:
        for position in range(0, size_bytes, SPARSE_STEP):
            file.seek(position)
            file.write(chunk[:MIB])
        file.truncate(size_bytes)


def make_random(path: Path, chunk: bytes, size_bytes: int) -> None:
    with path.open("wb") as file:
        for number in range(size_bytes // len(chunk)):
            # Turned a little each time, so that no two blocks are the same.
            file.write(chunk[number:] + chunk[:number])


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Serve the images, and give the URL."""
    with subprocess.Popen(
        [sys.executable, HERE / "s3_server.py", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None  # noqa: S101 - they are pipes
        assert server.stdout is not None  # noqa: S101 - they are pipes
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        server.stdin.close()


def environ_of(folder: Path, url: str) -> dict[str, str]:
    """Give the environment of every contender."""
    digests = {path.name: digest_of(path) for path in folder.glob("*.raw")}
    return {
        **os.environ,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "BENCH_DIGESTS": json.dumps(digests),
    }


def table(race: Race, image: str, runs: dict[str, Run], size_bytes: int) -> str:
    """Give what a race came to, in Markdown."""
    slower = max(runs["sha256"].seconds, runs[race.storage].seconds)
    lines = [
        f"### {race.title}, {image} image",
        "",
        "| | MB/s | of the slower of storage and hash | CPU s/GiB | peak MB |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, run in runs.items():
        shown = f"**{name}**" if name in race.ours else name
        lines.append(
            f"| {shown} | {size_bytes / run.seconds / 10**6:.0f} | {slower / run.seconds:.2f}"
            f" | {run.cpu_seconds * GIB / size_bytes:.2f} | {run.peak_bytes / 10**6:.0f} |"
        )
    return "\n".join([*lines, ""])


def shortfalls(race: Race, image: str, runs: dict[str, Run]) -> Iterator[str]:
    """Give a sentence for each of ours that is slower than it has to be."""
    slower = max(runs["sha256"].seconds, runs[race.storage].seconds)
    for name in race.ours:
        ratio = slower / runs[name].seconds
        if ratio < WANTED:
            yield f"{name}, {image} image: {ratio:.2f} of the slower of storage and hash."


def machine(folder: Path) -> str:
    """Say what this was run on."""
    asked = ["stat", "--file-system", "--format=%T", folder]
    file_system = subprocess.run(
        asked, stdout=subprocess.PIPE, check=True, text=True
    ).stdout.strip()
    one, other = folder / "one", folder / "other"
    one.write_bytes(b"x")
    with one.open("rb") as source, other.open("wb") as target:
        shared = "shares blocks" if clone(source.fileno(), target.fileno()) else "shares no blocks"
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, Python"
        f" {platform.python_version()}, {file_system} ({shared})"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=parse_size, default=GIB, help="of an image (1G)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the fastest counts (5)")
    parser.add_argument("--folder", type=Path, help="on the disk to try (the temporary folder)")
    parser.add_argument("--only", default="", help="races whose title has this text")
    asked = parser.parse_args()
    missed: list[str] = []
    with tempfile.TemporaryDirectory(dir=asked.folder) as name, s3_server(Path(name)) as url:
        folder = Path(name)
        print(machine(folder), end="\n\n")
        make_images(folder, asked.size)
        bench = Bench(folder, asked.rounds, environ_of(folder, url))
        for image, image_races in RACES.items():
            for race in image_races:
                if asked.only in f"{race.title}, {image}":
                    runs = bench.run(race, image)
                    print(table(race, image, runs, asked.size), flush=True)
                    missed += shortfalls(race, image, runs)
        for ours, peak_bytes in bench.peaks("large").items():
            print(f"{ours} of {LARGE_BYTES // GIB} GiB: {peak_bytes / 10**6:.0f} MB of memory.")
            if peak_bytes > MOST_BYTES:
                missed.append(f"{ours} takes more than {MOST_BYTES / 10**6:.0f} MB.")
    print("\n".join(missed) or f"All of ours have {WANTED} of the slower of storage and hash.")
    return bool(missed)


if __name__ == "__main__":
    raise SystemExit(main())
