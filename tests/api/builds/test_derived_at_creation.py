"""Builds that name their parent when they are created."""

from typing import Any

import pytest
from support import Service

from buildstate_core.errors import Conflict
from buildstate_core.models import Build, BuildCreate

from .deriving import common, derivation


def create(service: Service, ref: str, **fields: Any) -> Build:
    wanted = {"project": "rhel-azure", "version": "9.6", "platform": "azure", **fields}
    return service.client.create_build(BuildCreate(derived_from=ref, **wanted))


def test_a_parent_is_named_by_number_id_key_or_version(service: Service) -> None:
    service.make_project("rhel-azure")
    parent = common(service, 10, 40)
    names = (str(parent.number), str(parent.id), f"rhel-common/{parent.key}", "rhel-common/9.6")
    found = {create(service, name, derived_state=40).number for name in names}
    assert len(found) == 1
    child = service.client.get_build(found.pop())
    assert (derivation(child), child.key) == ((parent.number, 40), "9.6/azure/-/-")


def test_of_several_builds_of_a_version_one_has_to_be_named(service: Service) -> None:
    service.make_project("rhel-azure")
    first = common(service, 10)
    common(service, 10, platform="gcp")
    with pytest.raises(Conflict) as refused:
        create(service, "rhel-common/9.6")
    assert (refused.value.code, refused.value.field) == ("ambiguous-build", "derived_from")
    assert "9.6/gcp/rhel-9/-" in refused.value.message
    exact = create(service, "rhel-common/9.6/aws/rhel-9/-", version="other")
    assert exact.derived_from == first.number


def test_what_became_of_a_version_is_not_taken_for_it(service: Service) -> None:
    parent = common(service, 40)

    def flow(platform: str) -> Build:
        """Ask as each run of a flow does."""
        return create(
            service,
            "rhel-common/9.6",
            project="rhel-common",
            platform=platform,
            derived_state=40,
        )

    azure, aws = flow("azure"), flow("aws")
    assert flow("azure") == azure
    assert (azure.derived_from, aws.derived_from) == (parent.number, parent.number)
    assert create(service, f"#{parent.number}", project="rhel-common", platform="x").derived_from


@pytest.mark.parametrize("field", ["derived_state", "derived_lane"])
def test_where_to_start_needs_the_build_to_start_from(service: Service, field: str) -> None:
    service.make_project()
    value = 40 if field == "derived_state" else "eu"
    answer = service.request("POST", "/v1/builds", {"project": "rhel-base", field: value})
    assert answer.status == 422
    assert answer.problem["field"] == "derived_from"


def test_a_restart_starts_from_the_checkpoint_again(service: Service) -> None:
    service.make_project("rhel-azure")
    parent = common(service, 10, 40)
    old = create(service, str(parent.number), derived_state=10)
    new = create(service, str(parent.number), derived_state=40, restart=True)
    assert (new.number, new.resume_from) == (old.number + 1, 40)
    assert create(service, str(parent.number), derived_state=40) == new


def test_a_request_that_does_not_say_from_where_gets_the_derived_build(service: Service) -> None:
    service.make_project("rhel-azure")
    child = create(service, str(common(service, 10).number))
    wanted = BuildCreate(project="rhel-azure", version="9.6", platform="azure")
    assert service.client.create_build(wanted) == child
