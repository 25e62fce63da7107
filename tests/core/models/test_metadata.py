"""Metadata is any JSON that can be kept."""

import pytest
from pydantic import JsonValue, ValidationError

from buildstate_core.models import ArtifactRecord

from .requests import VALID, refused


def nested(levels: int) -> JsonValue:
    value: JsonValue = 0
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        pytest.param({"a": [{"b": "\ud800"}]}, "surrogate", id="lone surrogate in a value"),
        pytest.param({"a": {"\udfff": 1}}, "surrogate", id="lone surrogate in a name"),
        pytest.param({"a": ["x\x00"]}, "NUL", id="NUL in a value"),
        pytest.param({"a": {"x\x00": 1}}, "NUL", id="NUL in a name"),
        pytest.param(nested(34), "32 levels", id="nested too deep"),
        pytest.param({"a": float("nan")}, "not a JSON number", id="not a number"),
        pytest.param({"a": [float("inf")]}, "not a JSON number", id="infinite"),
    ],
)
def test_metadata_that_cannot_be_kept_is_refused(metadata: JsonValue, says: str) -> None:
    found = refused(ArtifactRecord, VALID[ArtifactRecord] | {"metadata": metadata})
    assert set(found) == {"metadata"}
    assert says in found["metadata"]


def test_json_that_is_no_json_number_is_refused_as_text_too() -> None:
    with pytest.raises(ValidationError, match="not a JSON number"):
        ArtifactRecord.model_validate_json(
            '{"storage_type": "s3", "uri": "s3://b/i", "metadata": {"a": NaN}}'
        )


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param(nested(32), id="nested as deep as is kept"),
        pytest.param({"ü": ["\U0001f4be", None, True, 1.5, -1, 2**70, {}]}, id="all of JSON"),
    ],
)
def test_metadata_is_kept_as_it_is(metadata: JsonValue) -> None:
    record = ArtifactRecord.model_validate(VALID[ArtifactRecord] | {"metadata": metadata})
    assert record.metadata == metadata
