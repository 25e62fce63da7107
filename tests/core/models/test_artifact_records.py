"""What may be said of an artifact: its place, its content, and what is known of it packed."""

from typing import Any

import pytest

from buildstate_core.models import ArtifactRecord, Complete

from .requests import VALID, refused


def test_two_artifacts_of_one_name_are_refused() -> None:
    twice = [VALID[ArtifactRecord] | {"name": "disk"}, VALID[ArtifactRecord] | {"name": "disk"}]
    found = refused(Complete, {"token": "t", "artifacts": twice})
    assert set(found) == {"artifacts"}
    assert '"disk"' in found["artifacts"]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        pytest.param({"kind": "value"}, "metadata.value", id="a value without its value"),
        pytest.param({"kind": "blob"}, "blob artifact needs a uri", id="a blob without a uri"),
        pytest.param(
            {"kind": "handle"}, "handle artifact needs a uri", id="a handle without an id"
        ),
    ],
)
def test_an_artifact_that_points_at_nothing_is_refused(values: dict[str, Any], says: str) -> None:
    found = refused(ArtifactRecord, {"storage_type": "s3"} | values)
    assert says in found[""]


CHECKSUM = f"sha256:{'0' * 64}"
KNOWN = {"checksum": CHECKSUM, "size_bytes": 7}


@pytest.mark.parametrize(
    ("values", "where", "says"),
    [
        pytest.param({}, "packed", "checksum is missing", id="nothing is known"),
        pytest.param({"checksum": CHECKSUM}, "packed", "size_bytes is missing", id="no size"),
        pytest.param({"size_bytes": 7}, "packed", "checksum is missing", id="no checksum"),
        pytest.param(KNOWN | {"kind": "handle"}, "packed", "a handle is not stored", id="handle"),
        pytest.param(
            KNOWN | {"kind": "value", "metadata": {"value": 1}},
            "packed",
            "a value is not stored",
            id="value",
        ),
        pytest.param(
            KNOWN | {"packed": KNOWN | {"compression": "none"}},
            "packed.compression",
            "none packs nothing",
            id="not compressed",
        ),
    ],
)
def test_what_is_packed_has_to_be_known_as_it_was(
    values: dict[str, Any], where: str, says: str
) -> None:
    record = {"storage_type": "s3", "uri": "s3://b/i", "packed": KNOWN}
    assert says in refused(ArtifactRecord, record | values)[where]
    assert ArtifactRecord.model_validate(record | KNOWN).packed is not None


@pytest.mark.parametrize(
    "uri",
    [
        *("s3://b", "s3://b/", "s3://b//", "S3:///key", "gs://", "az://box", "sftp://nas"),
        *("sftp://nas/", "foo://", "rbd:///", "file:///", "file://nas/srv/a", "file://"),
    ],
)
def test_a_blob_lies_at_something_that_can_be_looked_for(uri: str) -> None:
    record = {"storage_type": "s3", "uri": uri}
    assert "it names no" in refused(ArtifactRecord, record)["uri"]
    assert ArtifactRecord.model_validate(record | {"kind": "handle"}).uri == uri


def test_only_a_handle_has_an_identity() -> None:
    ami = {"storage_type": "ami", "kind": "handle", "uri": "ami-0abc", "identity": "made today"}
    assert ArtifactRecord.model_validate(ami).identity == "made today"
    assert "blob artifact has no identity" in refused(ArtifactRecord, ami | {"kind": "blob"})[""]


def test_a_value_may_be_null() -> None:
    values = {"storage_type": "none", "kind": "value", "metadata": {"value": None}}
    assert ArtifactRecord.model_validate(values).uri is None
