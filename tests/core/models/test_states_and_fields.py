"""Requests: unknown fields, and what is a state."""

import pytest
from pydantic import BaseModel

from buildstate_core import models
from buildstate_core.models import (
    Adopt,
    ArtifactRecord,
    CatalogState,
    ClaimRequest,
    Force,
    Report,
    Waive,
)

from .requests import VALID, refused
from .resources import EXAMPLES


@pytest.mark.parametrize("model", VALID, ids=lambda each: each.__name__)
def test_a_request_refuses_an_unknown_field_and_names_it(model: type[BaseModel]) -> None:
    model.model_validate(VALID[model])
    assert set(refused(model, VALID[model] | {"colour": "red"})) == {"colour"}


def test_every_request_is_among_those_tested() -> None:
    requests = {each for each in vars(models).values() if isinstance(each, type)}
    assert set(VALID) == {
        each for each in requests if issubclass(each, models.Request) and each is not models.Request
    }


def test_a_request_names_an_unknown_field_inside() -> None:
    record = VALID[ArtifactRecord] | {"sha": "ab"}
    assert set(refused(Report, VALID[Report] | {"artifacts": [record]})) == {"artifacts.0.sha"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_resource_ignores_a_field_from_a_newer_service(name: str) -> None:
    example = EXAMPLES[name]
    newer = example.model_dump(mode="json") | {"from_the_future": 1}
    assert type(example).model_validate(newer) == example


@pytest.mark.parametrize("value", [-1, 101, "abc", "25", True, 25.0, None, [25]], ids=repr)
@pytest.mark.parametrize(
    ("model", "field"),
    [
        (Report, "state"),
        (ClaimRequest, "state"),
        (CatalogState, "code"),
        (Waive, "state"),
        (Force, "state"),
        (Adopt, "state"),
    ],
    ids=["report", "claim", "catalogue", "waive", "force", "adopt"],
)
def test_a_state_is_an_integer_from_0_to_100(
    model: type[BaseModel], field: str, value: object
) -> None:
    assert set(refused(model, VALID[model] | {field: value})) == {field}


@pytest.mark.parametrize("value", [0, 42, 100])
def test_any_integer_in_range_is_a_state(value: int) -> None:
    assert Report.model_validate({"state": value, "status": "completed"}).state == value
