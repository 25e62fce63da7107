"""The catalogue of a project's states, its versions, and the builds that follow it."""

import pytest
from support import Service

from buildstate_core.catalog import DEFAULT_CATALOG
from buildstate_core.errors import Conflict, NotFound
from buildstate_core.models import Cancel, CatalogSet, CatalogState
from buildstate_core.vocabulary import AttemptStatus

VPN = CatalogState(code=42, name="VPN setup")


def test_a_new_project_begins_with_the_default_catalogue(service: Service) -> None:
    service.make_project("rhel-base", description="Base images", storage_url="s3://builds")
    project = service.client.get_project("rhel-base")
    assert (project.description, project.storage_url) == ("Base images", "s3://builds")
    assert project.catalog_version == 1
    catalog = service.client.get_catalog("rhel-base")
    assert [(each.code, each.name) for each in catalog.states] == [
        (each.code, each.name) for each in DEFAULT_CATALOG
    ]


def test_a_project_can_begin_with_its_own_catalogue(service: Service) -> None:
    service.make_project(states=[CatalogState(code=100, name="Done"), VPN])
    assert [each.code for each in service.client.get_catalog("rhel-base").states] == [42, 100]


def test_an_inserted_state_makes_a_new_version_and_leaves_builds_as_they_were(
    service: Service,
) -> None:
    before = service.make_build(version="1")
    catalog = service.client.insert_state("rhel-base", VPN)
    assert catalog.version == 2
    codes = [each.code for each in catalog.states]
    assert codes == sorted([*(each.code for each in DEFAULT_CATALOG), 42])
    after = service.make_build(version="2")
    assert service.client.get_build(before.number).catalog_version == 1
    assert after.catalog_version == 2
    for build, name in ((before, None), (after, "VPN setup")):
        service.report(build, 42, AttemptStatus.IN_PROGRESS)
        assert service.client.get_build(build.number).current_state_name == name


def test_old_versions_of_a_catalogue_stay_readable(service: Service) -> None:
    service.make_project()
    service.client.set_catalog("rhel-base", CatalogSet(states=(VPN,)))
    assert len(service.client.get_catalog("rhel-base", version=1).states) == len(DEFAULT_CATALOG)
    assert service.client.get_catalog("rhel-base", version=2).states == (VPN,)
    assert service.client.get_catalog("rhel-base").version == 2
    for version in (3, 2**31, 10**100):
        with pytest.raises(NotFound):
            service.client.get_catalog("rhel-base", version=version)


def test_a_code_is_inserted_once(service: Service) -> None:
    service.make_project()
    service.client.insert_state("rhel-base", VPN)
    with pytest.raises(Conflict) as refused:
        service.client.insert_state("rhel-base", VPN)
    assert (refused.value.code, refused.value.field) == ("state-exists", "code")
    assert service.client.get_catalog("rhel-base").version == 2


def test_an_inserted_state_may_require_known_states_only(service: Service) -> None:
    service.make_project()
    wanted = CatalogState(code=42, name="VPN setup", requires=(40,))
    with pytest.raises(NotFound) as refused:
        service.client.insert_state("rhel-base", wanted.model_copy(update={"requires": (41,)}))
    assert refused.value.field == "requires"
    assert service.client.insert_state("rhel-base", wanted).version == 2


def test_an_edit_is_refused_when_the_catalogue_has_changed_since(service: Service) -> None:
    service.make_project()
    path = "/v1/projects/rhel-base/catalog"
    etag = service.request("GET", path).headers["etag"]
    body = {"states": [{"code": 100, "name": "Done"}]}
    assert service.request("PUT", path, body, headers={"If-Match": etag}).status == 200
    stale = service.request("PUT", path, body, headers={"If-Match": etag})
    assert stale.status == 412
    assert stale.problem["field"] == "If-Match"
    state = {"code": 42, "name": "VPN setup"}
    stale = service.request("POST", f"{path}/states", state, headers={"If-Match": etag})
    assert stale.status == 412
    newest = service.request("GET", path).headers["etag"]
    assert newest != etag
    fresh = service.request("POST", f"{path}/states", state, headers={"If-Match": newest})
    assert (fresh.status, fresh.json["version"]) == (201, 3)


def test_an_etag_that_is_none_is_refused(service: Service) -> None:
    service.make_project()
    answer = service.request(
        "PUT",
        "/v1/projects/rhel-base/catalog",
        {"states": [{"code": 100, "name": "Done"}]},
        headers={"If-Match": "yesterday"},
    )
    assert (answer.status, answer.problem["field"]) == (422, "if-match")


def test_a_required_state_that_is_missing_holds_the_frontier_back(service: Service) -> None:
    states = [
        CatalogState(code=10, name="Base"),
        CatalogState(code=25, name="Security", required=True),
        CatalogState(code=100, name="Done"),
    ]
    service.make_project(states=states)
    assert [each.required for each in service.client.get_catalog("rhel-base").states] == [
        False,
        True,
        False,
    ]
    build = service.make_build()
    for state in (10, 100):
        service.report(build, state, AttemptStatus.COMPLETED)
    assert service.client.get_build(build.number).frontier == 10
    assert service.client.get_build(build.number).status == "in_progress"
    service.report(build, 25, AttemptStatus.COMPLETED)
    assert service.client.get_build(build.number).status == "completed"


def test_a_catalogue_whose_codes_repeat_or_require_unknown_ones_is_refused(
    service: Service,
) -> None:
    service.make_project()
    for states in (
        [],
        [{"code": 5, "name": "a"}, {"code": 5, "name": "b"}],
        [{"code": 5, "name": "a", "requires": [4]}],
    ):
        answer = service.request("PUT", "/v1/projects/rhel-base/catalog", {"states": states})
        assert (answer.status, answer.problem["field"]) == (422, "states")


@pytest.mark.parametrize("later", [42, 45])
def test_a_state_requires_only_states_before_it(service: Service, later: int) -> None:
    service.make_project()
    with pytest.raises(Conflict) as refused:
        service.client.insert_state(
            "rhel-base", CatalogState(code=42, name="VPN set-up", requires=(later,))
        )
    assert refused.value.field == "requires"


def test_the_versions_of_a_catalogue_are_listed_newest_first(service: Service) -> None:
    service.make_project()
    for code in (41, 42, 43, 44):
        service.client.insert_state("rhel-base", CatalogState(code=code, name="New"))
    assert [each.version for each in service.client.list_catalogs("rhel-base")] == [5, 4, 3, 2, 1]
    path = "/v1/projects/rhel-base/catalog/versions?limit=3"
    page = service.request("GET", path).json
    rest = service.request("GET", f"{path}&cursor={page['next_cursor']}").json
    assert [each["version"] for each in (*page["items"], *rest["items"])] == [5, 4, 3, 2, 1]
    assert rest["next_cursor"] is None
    assert 42 in [each["code"] for each in page["items"][2]["states"]]
    assert len(rest["items"][-1]["states"]) == len(DEFAULT_CATALOG)


def test_a_new_version_can_be_given_to_the_builds_that_take_work(service: Service) -> None:
    service.make_project(states=[CatalogState(code=10, name="Base"), VPN])
    working, delivered, cancelled = (service.make_build(version=each) for each in "123")
    service.report(working, 10, AttemptStatus.COMPLETED)
    service.report(delivered, 42, AttemptStatus.COMPLETED)
    service.client.cancel_build(cancelled.number, Cancel(reason="not needed"))
    superseded = service.make_build(version="4")
    restarted = service.make_build(version="4", restart=True)
    elsewhere = service.make_build("other")

    state = CatalogState(code=25, name="Security", required=True)
    assert service.client.insert_state("rhel-base", state, apply_to_open=True).version == 2
    versions = {
        each.number: service.client.get_build(each.number).catalog_version
        for each in (working, delivered, cancelled, superseded, restarted, elsewhere)
    }
    assert list(versions.values()) == [2, 1, 1, 1, 2, 1]
    assert 25 in [each.state for each in service.client.plan(working.number).milestones]
    moved = service.query(
        "SELECT build_id, data FROM events WHERE type = 'build.catalog_changed' ORDER BY id"
    )
    assert [(each["build_id"], each["data"]) for each in moved] == [
        (working.id, {"version": 2}),
        (restarted.id, {"version": 2}),
    ]


def test_where_an_open_build_stands_follows_from_its_new_catalogue(service: Service) -> None:
    service.make_project(states=[CatalogState(code=10, name="Base"), VPN])
    build = service.make_build()
    service.report(build, 10, AttemptStatus.COMPLETED)
    service.report(build, 30, AttemptStatus.COMPLETED)
    assert service.client.get_build(build.number).frontier == 30
    required = CatalogState(code=25, name="Security", required=True)
    only = CatalogSet(states=(CatalogState(code=10, name="Base"), required, VPN))
    service.client.set_catalog("rhel-base", only, apply_to_open=True)
    assert service.client.get_build(build.number).frontier == 10
    done = CatalogSet(states=(CatalogState(code=30, name="Done"),))
    service.client.set_catalog("rhel-base", done, apply_to_open=True)
    assert service.client.get_build(build.number).status == "completed"


def test_the_same_key_for_open_builds_too_is_another_request(service: Service) -> None:
    service.make_project()
    path, body = "/v1/projects/rhel-base/catalog", {"states": [{"code": 100, "name": "Done"}]}
    headers = {"Idempotency-Key": "k"}
    assert service.request("PUT", path, body, headers=headers).status == 200
    other = service.request("PUT", f"{path}?apply_to_open=true", body, headers=headers)
    assert (other.status, other.problem["field"]) == (409, "Idempotency-Key")
