"""Projects: created, listed, edited, and how their artifacts are kept."""

import pytest
from support import Service

from buildstate_core.errors import Conflict
from buildstate_core.models import Project, ProjectUpdate, Retention
from buildstate_core.vocabulary import AutoResume, Compression, Sensitivity, Trace


def test_a_name_is_given_once(service: Service) -> None:
    service.make_project("rhel-base")
    with pytest.raises(Conflict) as refused:
        service.make_project("rhel-base")
    assert (refused.value.code, refused.value.field) == ("project-exists", "name")


def test_projects_are_listed_by_name_over_several_pages(service: Service) -> None:
    for name in ("c", "a", "d", "b", "e"):
        service.make_project(name)
    found: list[str] = []
    cursor = ""
    for length in (2, 2, 1):
        page = service.request("GET", f"/v1/projects?limit=2{cursor}").json
        assert len(page["items"]) == length
        found += [each["name"] for each in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert found == ["a", "b", "c", "d", "e"]
    assert page["next_cursor"] is None


def test_an_unknown_project_is_not_found(service: Service) -> None:
    for method, path, body in (
        ("GET", "/v1/projects/none", None),
        ("PATCH", "/v1/projects/none", {"description": "x"}),
        ("GET", "/v1/projects/none/catalog", None),
        ("GET", "/v1/projects/none/catalog/versions", None),
        ("GET", "/v1/projects/none/catalog/versions/1", None),
        ("PUT", "/v1/projects/none/catalog", {"states": [{"code": 1, "name": "x"}]}),
        ("POST", "/v1/projects/none/catalog/states", {"code": 1, "name": "x"}),
        ("POST", "/v1/builds", {"project": "none"}),
    ):
        answer = service.request(method, path, *([] if body is None else [body]))
        assert (answer.status, answer.problem["field"]) == (404, "project"), path


@pytest.mark.parametrize("url", ["not a url", "file://relative", "relative", "s3://"])
def test_a_storage_that_is_none_is_refused_before_work_is_put_into_it(
    service: Service, url: str
) -> None:
    answer = service.request("POST", "/v1/projects", {"name": "p", "storage_url": url})
    assert (answer.status, answer.problem["field"]) == (422, "storage_url")
    assert url in answer.problem["detail"]


# --- edited ------------------------------------------------------------------------------------


def test_an_edit_of_a_project_changes_what_it_says_and_nothing_else(service: Service) -> None:
    service.make_project(
        "rhel-base", description="Base images", storage_url="s3://builds", auto_resume="lost"
    )
    before = service.client.get_project("rhel-base")
    assert (before.auto_resume, before.max_auto_resumes) == ("lost", 3)
    update = ProjectUpdate(auto_resume=AutoResume.FAILED, max_auto_resumes=5)
    after = service.client.update_project("rhel-base", update)
    assert after == before.model_copy(update={"auto_resume": "failed", "max_auto_resumes": 5})
    assert service.client.get_project("rhel-base") == after
    (event,) = service.query("SELECT data FROM events WHERE type = 'project.changed'")
    assert event["data"]["fields"] == ["auto_resume", "max_auto_resumes"]


def test_a_project_can_give_up_its_storage_and_null_says_nothing_of_the_rest(
    service: Service,
) -> None:
    service.make_project("rhel-base", description="Base images", storage_url="s3://builds")
    nothing = {"description": None, "auto_resume": None, "max_auto_resumes": None}
    path = "/v1/projects/rhel-base"
    shown = service.request("PATCH", path, {"storage_url": None, **nothing}).json
    assert (shown["description"], shown["storage_url"]) == ("Base images", None)


def test_an_edit_that_changes_nothing_is_none(service: Service) -> None:
    service.make_project("rhel-base", description="Base images")
    path = "/v1/projects/rhel-base"
    etag = service.request("GET", path).headers["etag"]
    events = service.counts()["events"]
    for body in ({}, {"description": "Base images"}):
        assert service.request("PATCH", path, body).headers["etag"] == etag
    assert service.counts()["events"] == events


def test_an_edit_is_refused_when_the_project_has_changed_since(service: Service) -> None:
    service.make_project()
    path = "/v1/projects/rhel-base"
    etag = service.request("GET", path).headers["etag"]
    first = service.request("PATCH", path, {"description": "a"}, headers={"If-Match": etag})
    assert (first.status, first.headers["etag"]) == (200, '"2"')
    stale = service.request("PATCH", path, {"description": "b"}, headers={"If-Match": etag})
    assert (stale.status, stale.problem["field"]) == (412, "If-Match")
    assert "revision 2, not 1" in stale.problem["detail"]
    newest = service.request("GET", path)
    assert (newest.json["description"], newest.headers["etag"]) == ("a", '"2"')
    again = service.request("PATCH", path, {"description": "b"}, headers={"If-Match": '"2"'})
    assert again.headers["etag"] == '"3"'


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"auto_resume": "always"}, "auto_resume"),
        ({"max_auto_resumes": -1}, "max_auto_resumes"),
        ({"storage_url": "relative"}, "storage_url"),
        ({"name": "other"}, "name"),
    ],
)
def test_a_bad_edit_of_a_project_names_its_field(
    service: Service, body: dict[str, object], field: str
) -> None:
    service.make_project()
    answer = service.request("PATCH", "/v1/projects/rhel-base", body)
    assert (answer.status, answer.problem["field"]) == (422, field)


def test_a_build_tells_whether_its_project_has_commands_traced(service: Service) -> None:
    service.make_project("rhel-base", trace=Trace.ON)
    build = service.make_build("rhel-base")
    assert service.client.get_build(build.number).trace is Trace.ON
    service.client.update_project("rhel-base", ProjectUpdate(trace=Trace.OFF))
    assert service.client.get_project("rhel-base").trace is Trace.OFF
    assert service.client.get_build(build.number).trace is Trace.OFF


# --- kept ---------------------------------------------------------------------------------------


def test_a_project_says_how_its_artifacts_are_kept(service: Service) -> None:
    made = service.client.get_project(
        service.make_project(
            compression=Compression.ZSTD,
            deduplicate=True,
            allowed_places={"secret": ("s3://vault/",)},
            retention=Retention(keep_days=7),
            storage_url="s3://builds/{project}/{attempt}/{name}",
        )
    )
    assert (made.compression, made.deduplicate) == (Compression.ZSTD, True)
    assert made.allowed_places == {Sensitivity.SECRET: ("s3://vault/",)}
    assert made.retention == Retention(keep_days=7)
    service.make_project("plain")
    plain = service.client.get_project("plain")
    assert (plain.compression, plain.deduplicate) == (Compression.AUTO, False)
    assert (plain.allowed_places, plain.retention) == ({}, None)


def test_of_a_policy_only_what_is_said_changes_and_null_ends_it(service: Service) -> None:
    service.make_project("rhel-base", retention=Retention(keep_days=7))

    def patch(**fields: object) -> Project:
        answer = service.request("PATCH", "/v1/projects/rhel-base", fields)
        assert answer.status == 200, answer
        return Project.model_validate(answer.json)

    changed = patch(retention={"grace_hours": 1}, allowed_places={"public": []})
    assert changed.retention == Retention(keep_days=7, grace_hours=1)
    assert changed.allowed_places == {Sensitivity.PUBLIC: ()}
    before = service.counts()
    assert patch(retention={"grace_hours": 1}, allowed_places={"public": []}) == changed
    assert service.counts() == before
    assert patch(retention=None).retention is None
    assert patch(retention={}).retention == Retention()


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        pytest.param(
            {"storage_url": "s3://b/{build}/{name}"},
            "storage_url",
            "{attempt}",
            id="a-template-in-which-two-uploads-could-meet",
        ),
        pytest.param(
            {"storage_url": "s3://b/{attempt}/{name}/{who}"},
            "storage_url",
            "{who}",
            id="a-template-with-an-unknown-part",
        ),
        pytest.param({"retention": {"keep_days": -1}}, "retention.keep_days", "-1", id="days"),
        pytest.param({"compression": "gzip"}, "compression", "gzip", id="compression"),
    ],
)
def test_what_cannot_be_kept_to_is_refused(
    service: Service, fields: dict[str, object], field: str, said: str
) -> None:
    service.make_project("rhel-base")
    for method, path, body in (
        ("PATCH", "/v1/projects/rhel-base", fields),
        ("POST", "/v1/projects", {"name": "another", **fields}),
    ):
        problem = service.request(method, path, body).problem
        assert (problem["status"], problem["field"]) == (422, field)
        assert said in problem["detail"]
