"""One contender, once, in a process of its own: `contenders.py NAME FOLDER SOURCE TARGET`.

Source and target are names in `FOLDER`; on the side of the storage they are also the keys of the
server's only bucket. What is imported and what is asked for the first time is not measured: each
contender moves a tiny file first. It prints, as JSON, the seconds, this process' seconds of CPU,
and the most memory that it ever took.
"""

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

BUCKET: Final = "bench"
TINY: Final = "tiny.raw"
MIB: Final = 2**20
OUR_PARTS: Final = (16 * MIB, 6)
"""How our own adapter cuts, and how many parts it has under way."""
AWS_PARTS: Final = (8 * MIB, 10)
"""What `aws s3 cp` does unless told otherwise."""
PIECE_BYTES: Final = 256 * 1024
"""What is written at once, which is what boto3 does, and ours.

Larger pieces go into larger pages, for which a virtual machine may have to ask its host each time.
"""
CACHE: Final = "cache"

Move = Callable[[Path, Path], object]
"""Moves a source to a target."""


def plain_copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def durable_copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def twice(move: Move) -> Move:
    """Give what also keeps one for itself, as a cache does."""

    def move_and_copy(source: Path, target: Path) -> None:
        kept = target.with_name(f"kept-{target.name}")
        move(source, kept)
        shutil.copyfile(kept, target)

    return move_and_copy


def sha256(source: Path, _target: Path) -> None:
    with source.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def boto3_up(parts: tuple[int, int]) -> Move:
    client, config = _boto3(*parts)
    return lambda source, key: client.upload_file(source, BUCKET, key.name, Config=config)


def boto3_down(parts: tuple[int, int]) -> Move:
    client, config = _boto3(*parts)
    return lambda key, target: client.download_file(BUCKET, key.name, target, Config=config)


def obstore_up() -> Move:
    import obstore  # noqa: PLC0415 - each loads what it needs, and no more

    store, (part_bytes, threads) = _obstore(), OUR_PARTS
    return lambda source, key: obstore.put(
        store, key.name, source, chunk_size=part_bytes, max_concurrency=threads
    )


def obstore_down() -> Move:
    import obstore  # noqa: PLC0415 - as above

    store = _obstore()

    def move(key: Path, target: Path) -> None:
        with target.open("wb", buffering=0) as file:
            for chunk in obstore.get(store, key.name).stream(min_chunk_size=PIECE_BYTES):
                file.write(chunk)

    return move


def push(uri_of: Callable[[Path], str], *, packing: bool = False) -> Move:
    from buildstate_core.vocabulary import Compression  # noqa: PLC0415 - as above

    store = _store()
    compression = Compression.AUTO if packing else Compression.NONE
    return lambda source, target: store.push(source, uri_of(target), compression=compression)


def pull(uri_of: Callable[[Path], str]) -> Move:
    store = _store()
    digests = json.loads(os.environ["BENCH_DIGESTS"])
    return lambda source, target: store.pull(
        uri_of(source), target, checksum=digests[source.name], size_bytes=None
    )


def _boto3(part_bytes: int, threads: int) -> tuple[Any, Any]:
    import boto3  # noqa: PLC0415 - as above
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 - as above

    config = TransferConfig(
        multipart_threshold=part_bytes, multipart_chunksize=part_bytes, max_concurrency=threads
    )
    return boto3.client("s3"), config


def _obstore() -> Any:
    from obstore.store import S3Store  # noqa: PLC0415 - as above

    return S3Store(
        BUCKET,
        endpoint=os.environ["AWS_ENDPOINT_URL"],
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )


def _store() -> Any:
    from buildstate_worker.transfer import ArtifactStore  # noqa: PLC0415 - as above

    return ArtifactStore(cache_dir=Path(CACHE).absolute())


def _file(path: Path) -> str:
    return path.as_uri()


def _s3(path: Path) -> str:
    return f"s3://{BUCKET}/{path.name}"


CONTENDERS: Final[dict[str, Callable[[], Move]]] = {
    "sha256": lambda: sha256,
    "cp": lambda: plain_copy,
    "cp, twice": lambda: twice(plain_copy),
    "cp, fsync": lambda: durable_copy,
    "boto3 up": lambda: boto3_up(OUR_PARTS),
    "boto3 down": lambda: boto3_down(OUR_PARTS),
    "boto3 down, cp": lambda: twice(boto3_down(OUR_PARTS)),
    "aws s3 cp up": lambda: boto3_up(AWS_PARTS),
    "aws s3 cp down": lambda: boto3_down(AWS_PARTS),
    "obstore up": obstore_up,
    "obstore down": obstore_down,
    "obstore down, cp": lambda: twice(obstore_down()),
    "push file": lambda: push(_file),
    "push s3": lambda: push(_s3),
    "push s3, auto": lambda: push(_s3, packing=True),
    "pull file": lambda: pull(_file),
    "pull s3": lambda: pull(_s3),
}


def _peak_bytes() -> int:
    # Not `ru_maxrss`: that is inherited from the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main(name: str, source: str, target: str) -> None:
    move = CONTENDERS[name]()
    move(Path(source).with_name(TINY), Path(target).with_name(f"new-{TINY}"))
    began, began_cpu = time.perf_counter(), time.process_time()
    move(Path(source), Path(target))
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - began_cpu
    print(json.dumps([seconds, cpu_seconds, _peak_bytes()]))


if __name__ == "__main__":
    main(*sys.argv[1:])
