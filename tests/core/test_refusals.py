"""What a model refused, as a sentence."""

from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from buildstate_core.models import CatalogState, ClaimRequest, ProjectCreate
from buildstate_core.models.refusals import refusal, shown

CLAIM = {"state": 25, "worker": "w"}


@pytest.mark.parametrize(
    ("model", "given", "code", "message"),
    [
        pytest.param(
            ClaimRequest, CLAIM | {"state": 250}, "state-out-of-range",
            "it is 250; use an integer from 0 to 100.", id="no state",
        ),
        pytest.param(
            ClaimRequest, CLAIM | {"state": "many"}, "state-out-of-range",
            'it is "many"; use an integer from 0 to 100.', id="a state that is a word",
        ),
        pytest.param(
            CatalogState, {"code": 5, "name": "x", "requires": [101]}, "state-out-of-range",
            "it is 101; use an integer from 0 to 100.", id="a state in a list",
        ),
        pytest.param(
            ClaimRequest, {"worker": "w"}, "missing-field", "it is missing.", id="missing"
        ),
        pytest.param(
            ClaimRequest, CLAIM | {"colour": 1}, "unknown-field",
            "it is not known here; leave it out.", id="unknown",
        ),
        pytest.param(
            ProjectCreate, {"name": "x", "storage_url": "nowhere"}, "invalid-value",
            'it is "nowhere": ', id="what a validator says, with the value",
        ),
        pytest.param(
            ProjectCreate, {"name": "x", "storage_url": "s3://b/?X-Amz-Signature=f00d"},
            "invalid-value", "it: ", id="a credential is never shown",
        ),
        pytest.param(
            ClaimRequest, CLAIM | {"worker": ["w"]}, "invalid-value",
            "it is a list: input should be a valid string.", id="the wrong type",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_in_one_sentence(
    model: type[BaseModel], given: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ValidationError) as failed:
        model.model_validate(given)
    error = refusal(failed.value.errors()[0], "it")
    assert error.code == code
    assert error.message.startswith(message)
    assert error.message.endswith(".")
    assert "f00d" not in error.message
    assert error.field == "it"


def test_what_to_use_instead_may_be_said_by_the_caller() -> None:
    with pytest.raises(ValidationError) as failed:
        TypeAdapter(int).validate_python("x")
    error = refusal(failed.value.errors()[0], "--at", expected="RFC 3339 with a zone", field="at")
    assert error.message == '--at is "x"; use RFC 3339 with a zone.'
    assert error.field == "at"


def test_what_is_no_json_is_not_shown() -> None:
    with pytest.raises(ValidationError) as failed:
        ClaimRequest.model_validate_json(b"<html>")
    assert refusal(failed.value.errors()[0], "the answer").message == "the answer is not JSON."


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\nb", '"a\\nb"'),
        ("\x00", '"\\u0000"'),
        ("\ud800", '"\\ud800"'),
        ("x" * 100, '"' + "x" * 79 + "…"),
        ({"a": 1}, "an object"),
        ([1], "a list"),
        (None, "None"),
    ],
)
def test_a_value_is_shown_on_one_line_and_short(value: object, text: str) -> None:
    assert shown(value) == text
