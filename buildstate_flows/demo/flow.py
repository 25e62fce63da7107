"""The build that `bldst demo` kills and resumes: a small, real disk image in five states.

    python -m buildstate_flows.demo.flow PROJECT KEY

It prints what it does, one line at a time, and at the end one line of JSON about what it moved.
"""

import json
import lzma
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from buildstate_flows import Handle, Milestone, build, milestone
from buildstate_flows.demo.image import DiskImage, new_image

_MIB: Final = 1024 * 1024
_PACKAGES: Final = 6
_LAYERS: Final = 6


@milestone(state=10)
def base_image(release: str) -> Path:
    """Make a file system tree and a disk image of it."""
    with _told("base image"):
        tree = Path("work/tree")
        _write(tree / "etc/os-release", f'NAME="Demo Linux"\nVERSION_ID="{release}"\n')
        _write(tree / "etc/ssh/sshd_config", "PermitRootLogin yes\nPasswordAuthentication yes\n")
        for number in range(_PACKAGES):
            _write(tree / f"usr/lib/package-{number}.xz", _packed(f"package {number}", _MIB))
        return new_image(tree, Path("work/base"), size_bytes=64 * _MIB).path


@milestone(state=25)
def security_baseline(image: Path) -> Path:
    """Harden the image: edit the files in it that the baseline names."""
    with _told("security baseline"):
        hardened = DiskImage.copy(image, Path("work/hardened"))
        config = hardened.read("etc/ssh/sshd_config").replace(b" yes", b" no")
        hardened.write("etc/ssh/sshd_config", config)
        hardened.write("etc/issue", b"Authorised use only.\n")
        hardened.write("usr/share/audit.xz", _packed("audit of every file", 3 * _MIB))
        return hardened.path


@milestone(state=50)
def application(image: Path) -> Path:
    """Add the application's layers to the image, one after the other."""
    with _told("application"):
        layered = DiskImage.copy(image, Path("work/application"))
        for number in range(1, _LAYERS + 1):
            layered.write(f"opt/layer-{number}.xz", _packed(f"layer {number}", _MIB))
            _say(f"application: layer {number} of {_LAYERS}")
        return layered.path


@milestone(state=70)
def integration_tests(image: Path) -> dict[str, bool]:
    """Look into the image: is all there that has to be?"""
    with _told("integration tests"):
        disk = DiskImage(image)
        return {
            "is hardened": disk.read("etc/ssh/sshd_config").count(b" yes") == 0,
            "has its layers": all(disk.read(f"opt/layer-{n}.xz") for n in range(1, _LAYERS + 1)),
            "is sound": disk.is_sound(),
        }


@milestone(state=100, kind="effect")
def publish(image: Path, verdict: dict[str, bool]) -> Handle:
    """Publish the image if every test passed."""
    with _told("publication"):
        failed = [name for name, passed in verdict.items() if not passed]
        if failed:
            raise RuntimeError(f"tests failed: {', '.join(failed)}")
        return Handle("demo-image", f"demo-{image.stat().st_size}", region="here")


@flow(name="bldst-demo")
def demo_image(project: str, key: str) -> None:
    """Take one image from 0 to 100."""
    with build(project, "9.6", platform="demo", os="demo-linux", key=key) as this:
        image = _told_of(application, _told_of(security_baseline, _told_of(base_image, "9.6")))
        _told_of(publish, image, _told_of(integration_tests, image))
        print(json.dumps({"downloads": this.downloads}), flush=True)  # noqa: T201 - its result


def _told_of(task: Milestone[..., Any], *arguments: object) -> Any:
    """Call a milestone, and say how Prefect's state of it is named, and why."""
    state: Any = task(*arguments, return_state=True)
    why = f": {state.message}" if state.message else ""
    _say(f"state {task.spec.state}: {state.name}{why}")
    return state.result()


def _packed(seed: str, size_bytes: int) -> bytes:
    """Return compressed bytes that are the same each time and take real work to make."""
    words = random.Random(seed).choices(range(1 << 16), k=size_bytes // 2)  # noqa: S311 - no secret
    return lzma.compress(b"".join(word.to_bytes(2, "big") for word in words), preset=6)


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def _told(what: str) -> Iterator[None]:
    _say(f"{what}: begins")
    start = perf_counter()
    yield
    _say(f"{what}: made in {perf_counter() - start:.1f} s")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the demo tells the story from it


if __name__ == "__main__":
    # Prefect's own flow heartbeat takes a second to end; the milestones have one of their own.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        demo_image(*sys.argv[1:3])
