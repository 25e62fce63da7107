"""Names of lanes, keys and what builds are of: one form, and what is refused."""

from typing import Any

import pytest
from pydantic import BaseModel

from buildstate_core.errors import InvalidInput
from buildstate_core.models import BuildCreate, BuildDerive
from buildstate_core.models.names import given_lane
from buildstate_core.vocabulary import TRUNK

from .requests import VALID, refused

LANES = [
    (model, field)
    for model in VALID
    for field in sorted({"lane", "derived_lane"} & set(model.model_fields))
]
NAMES = [
    (model, field)
    for model in (BuildCreate, BuildDerive)
    for field in ("key", "version", "platform", "os", "image_type")
]
NFD, NFC = "gro\u0308sse", "gr\xf6sse"

each_lane = pytest.mark.parametrize(
    ("model", "field"), LANES, ids=[f"{model.__name__}.{field}" for model, field in LANES]
)
each_name = pytest.mark.parametrize(
    ("model", "field"), NAMES, ids=[f"{model.__name__}.{field}" for model, field in NAMES]
)


def read(model: type[BaseModel], field: str, value: str) -> Any:
    return getattr(model.model_validate(VALID[model] | {field: value}), field)


def test_every_request_that_has_a_lane_is_among_those_tested() -> None:
    tested = {model.__name__ for model, _ in LANES}
    assert tested >= {"ClaimRequest", "Report", "ResumeCreate", "ArtifactCreate", "BuildDerive"}
    assert tested >= {"Waive", "Force", "Adopt", "BuildCreate"}


@each_lane
def test_the_empty_lane_is_the_trunk_on_the_wire(model: type[BaseModel], field: str) -> None:
    assert read(model, field, "") == TRUNK
    assert getattr(model.model_validate(VALID[model]), field) == TRUNK


@each_lane
@pytest.mark.parametrize("value", [" eu-1", "eu-1 ", "\teu-1\u3000"])
def test_blanks_around_a_lane_are_left_out(model: type[BaseModel], field: str, value: str) -> None:
    assert read(model, field, value) == "eu-1"


@each_lane
@pytest.mark.parametrize(
    "value", ["trunk", "Trunk", " trunk ", " ", "a b", "eu\n", "e\x00u", "\ufeffeu", "x" * 64, NFC]
)
def test_what_is_no_lane_is_refused(model: type[BaseModel], field: str, value: str) -> None:
    assert set(refused(model, VALID[model] | {field: value})) == {field}


@each_name
@pytest.mark.parametrize(
    ("value", "meant"),
    [
        pytest.param(" 9.6", "9.6", id="blank before"),
        pytest.param("9.6\t \xa0", "9.6", id="blanks behind"),
        pytest.param("rhel 9", "rhel 9", id="blank inside"),
        pytest.param(NFD, NFC, id="composed otherwise"),
        pytest.param("\u65e5\u672c \U0001f600", "\u65e5\u672c \U0001f600", id="any script"),
    ],
)
def test_a_name_has_one_form(model: type[BaseModel], field: str, value: str, meant: str) -> None:
    assert read(model, field, value) == meant
    assert read(model, field, meant) == meant


@each_name
@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "9.6\n",
        "9.6\r",
        "a\tb",
        "\x1b[31mred",
        "a\x7f",
        "a\x85",
        "a\u200bb",
        "a\u2028",
        "\ud800",
    ],
    ids=ascii,
)
def test_a_name_with_nothing_to_see_is_refused(
    model: type[BaseModel], field: str, value: str
) -> None:
    assert set(refused(model, VALID[model] | {field: value})) == {field}


def test_the_key_that_a_description_makes_is_made_of_one_form() -> None:
    said = BuildCreate(project="p", version=f" {NFD}", platform="aws ", os="rhel-9")
    assert said.derived_key == f"{NFC}/aws/rhel-9/-"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (" #123", "123"),
        (123, "123"),
        (f" rhel/{NFD} ", f"rhel/{NFC}"),
        ("rhel/ 9.6/aws", "rhel/9.6/aws"),
    ],
)
def test_the_build_to_derive_from_is_named_in_one_form(said: str | int, meant: str) -> None:
    assert BuildCreate.model_validate({"project": "p", "derived_from": said}).derived_from == meant


@pytest.mark.parametrize(
    ("lane", "told"),
    [
        pytest.param("", 'is ""; use a lane\'s name, or leave it out for the trunk.', id="empty"),
        pytest.param("  ", 'is "  "; use a lane\'s name, or leave it out for', id="blank"),
        pytest.param("trunk", 'is "trunk"; use another name: the trunk is meant where', id="trunk"),
        pytest.param("a/b", 'is "a/b"; use letters, digits, dot, dash and', id="slash"),
        pytest.param("eu\r", "it contains the control character U+000D; leave that", id="CR"),
        pytest.param(5, "is 5: input should be a valid string.", id="number"),
    ],
)
def test_a_lane_that_was_given_is_one(lane: object, told: str) -> None:
    with pytest.raises(InvalidInput) as error:
        given_lane(lane, "--lane")
    assert error.value.message.startswith("--lane is ")
    assert told in error.value.message
    assert error.value.field == "--lane"


def test_a_lane_that_was_given_is_in_one_form() -> None:
    assert given_lane(" eu-west-1 ") == "eu-west-1"
