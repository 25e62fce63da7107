"""An image that workers of one pool build together: when one dies, another goes on.

The image is a folder of layers, so that the example runs anywhere in a few seconds. A real one
would call Packer or Ansible in the same places.
"""

import hashlib
import time
from pathlib import Path

from prefect import flow

from buildstate_flows import Handle, build, milestone, workdir


@milestone(state=10)
def base_image(release: str) -> Path:
    """Make the first layer: a checkpoint."""
    image = _new_folder("base")
    (image / "os-release").write_text(f"VERSION_ID={release}\n")
    return image


@milestone(state=25)
def security_baseline(image: Path) -> Path:
    """Harden the image: a checkpoint, since it returns what it has made."""
    (image / "sshd_config").write_text("PermitRootLogin no\n")
    return image


@milestone(state=30)
def monitoring(image: Path) -> None:
    """Add an agent to the image in place: a step, which a later checkpoint includes."""
    (image / "agent.conf").write_text("interval = 10\n")


@milestone(state=50)
def application(image: Path, layers: int, layer_seconds: float) -> Path:
    """Add the application, layer by layer. It takes a while; kill the worker in here."""
    for number in range(1, layers + 1):
        (image / f"layer-{number}").write_text(f"layer {number}\n")
        print(f"application: layer {number} of {layers}", flush=True)
        time.sleep(layer_seconds)
    return image


@milestone(state=100, kind="effect")
def publish(image: Path) -> Handle:
    """Publish the image, and say what it is called there."""
    content = b"".join(each.read_bytes() for each in sorted(image.iterdir()))
    return Handle("image", f"image-{hashlib.sha256(content).hexdigest()[:12]}", region="here")


@flow(name="worker-pool", log_prints=True)
def worker_pool(version: str = "9.6", layers: int = 5, layer_seconds: float = 2.0) -> None:
    """Take one image from 0 to 100. The same version is the same build, on whatever worker."""
    with build("worker-pool", version, platform="demo", os="demo-linux"):
        image = security_baseline(base_image(version))
        monitoring(image)
        publish(application(image, layers, layer_seconds))


def _new_folder(name: str) -> Path:
    folder = workdir() / name
    folder.mkdir()
    return folder
