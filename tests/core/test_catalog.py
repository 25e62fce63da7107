import pytest

from buildstate_core.catalog import DEFAULT_CATALOG, CatalogEntry
from buildstate_core.models import CatalogSet, CatalogState

STATES = {
    0: "triggered",
    5: "OS install",
    10: "base bootable image",
    15: "base configuration",
    20: "cloud provider set-up",
    25: "security baseline",
    30: "monitoring and logging",
    35: "runtime prerequisites",
    40: "network",
    45: "storage",
    50: "application runtimes",
    55: "services",
    60: "application deployment and distribution",
    65: "configuration and secrets",
    70: "integration tests",
    75: "testing and validation complete",
    80: "backup",
    85: "metadata",
    90: "final validation",
    95: "sealing",
    100: "published and delivered",
}


def test_the_default_catalogue_has_the_states_of_the_design_in_ascending_order() -> None:
    found = [(each.code, each.name.casefold()) for each in DEFAULT_CATALOG]
    assert found == [(code, name.casefold()) for code, name in STATES.items()]


def test_the_default_catalogue_is_one_that_a_project_may_set() -> None:
    as_set = CatalogSet(
        states=tuple(CatalogState(**vars(each)) for each in DEFAULT_CATALOG),
    )
    assert [vars(each) for each in DEFAULT_CATALOG] == [each.model_dump() for each in as_set.states]


@pytest.mark.parametrize("entry", DEFAULT_CATALOG, ids=lambda each: str(each.code))
def test_every_state_says_what_is_true_of_an_image_that_reached_it(entry: CatalogEntry) -> None:
    assert entry.name[0].isupper()
    assert entry.description.endswith(".")


def test_no_state_of_the_default_catalogue_has_to_be_there() -> None:
    assert not any(each.required or each.requires for each in DEFAULT_CATALOG)
