"""The options that describe an artifact, and the record that they make."""

from typing import Any

import pytest

from buildstate_cli.artifact.storage_flags import ArtifactFlags
from buildstate_core.errors import InvalidInput

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("path", "given", "storage_type", "kind", "name"),
    [
        ("s3://b/p/image.qcow2", None, "s3", "blob", "image.qcow2"),
        ("s3://b/p/image.qcow2", "s3", "s3", "blob", "image.qcow2"),
        ("/mnt/nfs/builds/sap-123/state-30.qcow2", None, "file", "blob", "state-30.qcow2"),
        ("/mnt/nfs/builds/sap-123/state-30.qcow2", "nfs", "nfs", "blob", "state-30.qcow2"),
        ("file:///srv/base.raw", None, "file", "blob", "base.raw"),
        ("gs://b/disk.tar.gz", None, "gcs", "blob", "disk.tar.gz"),
        ("az://images/base.vhd", None, "azure", "blob", "base.vhd"),
        ("abfss://c@a.dfs.core.windows.net/base.vhd", None, "azure", "blob", "base.vhd"),
        ("SFTP://host/base.raw", None, "sftp", "blob", "base.raw"),
        ("https://host/base.raw?v=x", None, "https", "blob", "base.raw"),
        ("rbd://pool/base", None, "rbd", "blob", "base"),
        ("s3://b/a name", None, "s3", "blob", "a-name"),
        ("s3://b/a#1.raw", None, "s3", "blob", "a-1.raw"),
        ("file:///srv/%C3%BC.raw", None, "file", "blob", "u.raw"),
        ("snap-0abc", "ebs", "ebs", "handle", "snap-0abc"),
        ("ami-0abc", "ami", "ami", "handle", "ami-0abc"),
        ("pool/base@25", "ceph", "ceph", "handle", "base-25"),
        ("/mnt/ceph/base.raw", "ceph", "ceph", "blob", "base.raw"),
        ("/subscriptions/1/images/base", "azure-image", "azure-image", "handle", "base"),
        ("projects/p/global/images/base", "gce-image", "gce-image", "handle", "base"),
    ],
)
def test_a_path_says_what_it_is(
    path: Any, given: str | None, storage_type: str, kind: str, name: str
) -> None:
    record = ArtifactFlags(storage_path=path, storage_type=given).record("completed")
    assert (record.storage_type, record.kind, record.name) == (storage_type, kind, name)
    assert record.uri == path


def test_everything_that_was_given_is_recorded() -> None:
    flags = ArtifactFlags(
        storage_path="s3://b/x", size_bytes=0, checksum=DIGEST, name="disk", format="qcow2"
    )
    record = flags.record("completed")
    assert (record.size_bytes, record.checksum, record.name, record.format) == (
        0,
        DIGEST,
        "disk",
        "qcow2",
    )


def test_nothing_given_is_no_artifact() -> None:
    assert ArtifactFlags().record("failed") is None


@pytest.mark.parametrize(
    ("flags", "status", "told"),
    [
        ({"storage_type": "ebs"}, "completed", "--storage-type is given without --storage-path"),
        ({"checksum": DIGEST}, "completed", "--checksum is given without --storage-path"),
        ({"storage_path": "snap-0abc"}, "completed", "--storage-type is missing"),
        ({"storage_path": "x", "storage_type": "s3"}, "completed", '--storage-path is "x"; in'),
        ({"storage_path": "", "storage_type": "ebs"}, "completed", '--storage-path is ""'),
        ({"storage_path": "/x"}, "failed", "--storage-path is given with --status failed; only"),
        ({"storage_path": "/x", "checksum": "md5:1"}, "completed", '--checksum is "md5:1"; use'),
        ({"storage_path": "/x", "size_bytes": 2**63}, "completed", "--artifact-size is 9223372036"),
        ({"storage_path": "/x", "name": "a/b"}, "completed", '--artifact-name is "a/b"; use'),
        ({"storage_path": "/x", "storage_type": "S 3"}, "completed", '--storage-type is "S 3"'),
        ({"storage_path": "/x", "format": ""}, "completed", '--format is ""'),
    ],
)
def test_what_does_not_fit_is_named(flags: dict[str, Any], status: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ArtifactFlags(**flags).record(status)
    assert refused.value.message.startswith(told)
    assert refused.value.field is not None
