"""Artifacts of all builds, found by what they are or by where they lie."""

import pytest
from support import Service, image

from buildstate_core.errors import NotFound
from buildstate_core.models import Build, Lookup

from .artifacts import delete, due, given_up, made


def test_artifacts_of_all_builds_are_found_page_by_page(service: Service, project: str) -> None:
    first, second = (service.make_build(project) for _ in range(2))
    same = image(content=project)
    artifacts = [
        *made(service, first, 25, same),
        *made(service, second, 10),
        *made(service, second, 25, same.model_copy(update={"uri": f"s3://{project}/x"})),
    ]
    delete(service, artifacts[1])
    due(service, artifacts[1])
    ids = [each.id for each in artifacts]
    find = service.client.find_artifacts

    assert [each.id for each in find(project=project)] == ids
    assert [each.build for each in find(project=project)] == [
        first.number,
        second.number,
        second.number,
    ]
    assert [each.id for each in find(checksum=same.checksum)] == [ids[0], ids[2]]
    assert [each.id for each in find(project=project, status="expired")] == [ids[1]]
    assert [each.id for each in find(project=project, removable=False)] == [ids[0], ids[2]]
    page = service.request("GET", f"/v1/artifacts?project={project}&limit=2").json
    rest = service.request(
        "GET", f"/v1/artifacts?project={project}&limit=2&cursor={page['next_cursor']}"
    ).json
    assert [each["id"] for each in page["items"] + rest["items"]] == list(map(str, ids))
    with pytest.raises(NotFound):
        list(find(project="no-such-project"))


def test_a_lookup_tells_what_nobody_needs(service: Service, build: Build, project: str) -> None:
    gone = given_up(service, build)
    service.client.begin_removal(gone.id)
    service.client.end_removal(gone.id)
    other = service.make_build(project)
    [kept] = made(service, other, 10, image(uri=f"s3://{project}/kept"))
    live, ended, long_ago = (
        service.claim(other, 25, lane=lane).attempt.id for lane in ("eu", "us", "ap")
    )
    service.query(
        "UPDATE build_states SET status = 'lost', ended_at = clock_timestamp() - CASE id"
        " WHEN %s THEN interval '50 minutes' ELSE interval '70 minutes' END"
        " WHERE id IN (%s, %s)",
        ended,
        ended,
        long_ago,
    )
    of_attempts = [f"s3://{project}/{each}/x".upper() for each in (live, ended, long_ago)]
    uris = [kept.uri or "", gone.uri or "", *of_attempts, f"s3://{project}/x"]
    found = service.client.look_up(Lookup(uris=tuple(uris))).items
    assert [each.uri for each in found] == uris
    assert [each.use for each in found] == [
        "committed",
        "unknown",
        "under_way",
        "under_way",
        "unknown",
        "unknown",
    ]
    assert (found[0].artifact, found[0].status) == (kept.id, "available")
