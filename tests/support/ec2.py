"""The EC2 of the S3 server in `s3`: what a build registers there, and what EC2 may answer."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.s3 import S3, s3_server

IMAGE_ANSWER = """<DescribeImagesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
<imagesSet>{}</imagesSet></DescribeImagesResponse>"""
SNAPSHOT_ANSWER = """<DescribeSnapshotsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
<snapshotSet>{}</snapshotSet></DescribeSnapshotsResponse>"""
REFUSAL = (
    "<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors>"
    "<RequestID>1</RequestID></Response>"
)


@dataclass
class Ec2:
    """A cloud with nobody in it but who builds."""

    server: S3

    def make_snapshot(self, gib: int = 8) -> str:
        with self.client() as ec2:
            volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=gib)["VolumeId"]
            snapshot: str = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
            return snapshot

    def make_ami(self, name: str = "rhel-base") -> str:
        with self.client() as ec2:
            base = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
            started = ec2.run_instances(ImageId=base, MinCount=1, MaxCount=1)["Instances"]
            made = ec2.create_image(InstanceId=started[0]["InstanceId"], Name=name)
            ami: str = made["ImageId"]
            return ami

    def deregister(self, ami: str) -> None:
        with self.client() as ec2:
            ec2.deregister_image(ImageId=ami)

    def client(self) -> "closing[Any]":
        return closing(self.server.client("ec2"))


@contextmanager
def ec2_server(folder: Path) -> Iterator[Ec2]:
    """Run a server until the end of the block."""
    with s3_server(folder) as server:
        yield Ec2(server)
