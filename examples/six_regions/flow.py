"""One image, made once, then published in six regions at once: each region is a lane.

    python flow.py VERSION

A region is a folder here, so that the example runs anywhere. With AWS, `copy_to_region` would call
boto3's `copy_image`, wait for it, and return a handle of kind `ami`, which EC2 is then asked for
before it is relied on; `publish` would call `modify_image_attribute`.
"""

import hashlib
import os
import sys
from pathlib import Path

from prefect import flow
from prefect.futures import PrefectFuture

from buildstate_flows import Handle, build, milestone

REGIONS = ["eu-central-1", "eu-west-1", "eu-west-3", "us-east-1", "us-west-2", "ap-south-1"]
CLOUD = Path(os.environ.get("CLOUD", "cloud")).absolute()


@milestone(state=10)
def base_image(release: str) -> Path:
    """Install the operating system."""
    print(f"installing {release}")
    image = Path("base.img")
    image.write_text(f"rhel {release}\n")
    return image


@milestone(state=40)
def hardened_image(image: Path) -> Path:
    """Apply the baseline and the network settings."""
    print("hardening")
    hardened = Path("hardened.img")
    hardened.write_text(image.read_text() + "hardened\n")
    return hardened


@milestone(state=60, lane="{region}", kind="effect")
def copy_to_region(image: Path, region: str) -> Handle:
    """Register the image in a region."""
    print(f"copying to {region}")
    if region in os.environ.get("BROKEN", ""):
        raise RuntimeError(f"{region}: quota exceeded for copied images")
    ami = "ami-" + hashlib.sha256(image.read_bytes() + region.encode()).hexdigest()[:8]
    (CLOUD / region).mkdir(parents=True, exist_ok=True)
    (CLOUD / region / ami).write_bytes(image.read_bytes())
    return Handle("image", ami, region=region)


@copy_to_region.probe
def is_still_there(ami: Handle) -> bool:
    """Look whether somebody has deregistered it since."""
    return (CLOUD / ami.attributes["region"] / ami.id).exists()


@milestone(state=75, lane="{region}", kind="gate")
def boot_test(ami: Handle, region: str) -> dict[str, str]:
    """Start an instance of it, and look whether it comes up."""
    print(f"testing {ami.id} in {region}")
    return {"verdict": "boots"}


@milestone(state=100, lane="{region}", kind="effect")
def publish(ami: Handle, verdict: dict[str, str], region: str) -> Handle:
    """Share it with those who may use it."""
    print(f"publishing {ami.id} in {region}: {verdict['verdict']}")
    return ami


@flow
def six_regions(version: str) -> list[PrefectFuture[Handle]]:
    """Build the image once, and publish it everywhere."""
    with build("rhel-base", version, platform="aws", os="rhel-9", image_type="base"):
        image = hardened_image(base_image("9.6"))
        published = []
        for region in REGIONS:  # nothing waits here, so that they all go on at once
            ami = copy_to_region.submit(image, region)
            verdict = boot_test.submit(ami, region)
            published.append(publish.submit(ami, verdict, region))
    return published  # by now all have ended; the flow fails if one of them has


if __name__ == "__main__":
    sys.exit(not six_regions(sys.argv[1], return_state=True).is_completed())
