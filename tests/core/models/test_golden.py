"""Each resource is written and read as its golden file says."""

from datetime import datetime, timedelta, timezone

import pytest
from pydantic import BaseModel

from buildstate_core import models
from buildstate_core.models import Artifact, Attempt, Build, Failure, Lease

from .resources import EXAMPLES, GOLDEN

# --- golden ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_resource_is_written_as_its_golden_file_says(name: str) -> None:
    written = EXAMPLES[name].model_dump_json(indent=2) + "\n"
    assert written == (GOLDEN / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_resource_is_read_back_as_it_was(name: str) -> None:
    example = EXAMPLES[name]
    text = (GOLDEN / f"{name}.json").read_text(encoding="utf-8")
    assert type(example).model_validate_json(text) == example


def test_every_golden_file_is_compared() -> None:
    assert {each.stem for each in GOLDEN.glob("*.json")} == set(EXAMPLES)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        pytest.param(
            Build,
            "id number project key version platform os image_type labels status current_state "
            "current_state_name progress frontier peak active resume_from lanes derived_from "
            "derived_state derived_lane catalog_version trace failure created_at started_at "
            "updated_at finished_at",
            id="build",
        ),
        pytest.param(Failure, "state lane attempt message at", id="failure"),
        pytest.param(
            Attempt,
            "id build state state_name lane attempt status kind reason message worker started_at "
            "finished_at duration_seconds fingerprint artifacts compared_with orchestrator "
            "transfer step_digest",
            id="attempt",
        ),
        pytest.param(
            Artifact,
            "id build state lane name kind storage_type uri size_bytes checksum format compression "
            "metadata status created_at expires_at attempt packed sensitivity hold removal "
            "identity status_reason",
            id="artifact",
        ),
    ],
)
def test_a_resource_has_the_fields_of_the_design_in_their_order(
    model: type[BaseModel], fields: str
) -> None:
    assert " ".join(model.model_fields) == fields


def test_every_exported_model_exists_and_is_exported_once() -> None:
    assert len(set(models.__all__)) == len(models.__all__)
    assert all(isinstance(getattr(models, name), type) for name in models.__all__)


# --- times -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("2026-11-24T12:41:00Z", id="Z"),
        pytest.param("2026-11-24t12:41:00z", id="lower case"),
        pytest.param("2026-11-24T12:41:00+00:00", id="offset zero"),
        pytest.param("2026-11-24T14:41:00+02:00", id="another zone"),
        pytest.param("2026-11-24 12:41:00Z", id="a space"),
        pytest.param(datetime(2026, 11, 24, 7, 41, tzinfo=timezone(timedelta(hours=-5))), id="py"),
    ],
)
def test_a_time_ends_in_z_whatever_zone_it_was_given_in(given: object) -> None:
    lease = Lease.model_validate({"lease_seconds": 60, "lease_until": given})
    assert lease.model_dump(mode="json")["lease_until"] == "2026-11-24T12:41:00Z"


def test_every_time_in_the_golden_files_ends_in_z() -> None:
    for name in EXAMPLES:
        for line in (GOLDEN / f"{name}.json").read_text(encoding="utf-8").splitlines():
            if "T12:" in line:
                assert line.rstrip(",").endswith('Z"'), (name, line)
