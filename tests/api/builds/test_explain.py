from typing import Any

import pytest
from support import Service, image

from buildstate_core.errors import NotFound
from buildstate_core.models import (
    Build,
    BuildDerive,
    Cancel,
    Explanation,
    Force,
    Part,
    Quarantine,
    Waive,
)
from buildstate_core.vocabulary import AttemptStatus

RECIPE = {"command": "a" * 64, "input:hosts": "b" * 64}


def built(service: Service, *states: int) -> Build:
    """A build that was run at each of these states."""
    build = service.make_build(version="9.6")
    for state in states:
        run(service, build, state)
    return build


def run(service: Service, build: Build, state: int, content: str = "", **fields: Any) -> None:
    wanted = {"fingerprint": RECIPE, **fields}
    claim = service.claim(build, state, **wanted)
    service.complete(claim, image(content=content or str(state)))


def explain(service: Service, build: Build, state: int, **fields: Any) -> Explanation:
    return service.client.explain(build.number, state, **fields)


def shown(explanation: Explanation) -> dict[str, str]:
    return {each.part: each.change for each in explanation.parts}


# --- of a rerun --------------------------------------------------------------------------------


def test_what_is_unchanged_is_explained_part_by_part(service: Service) -> None:
    build = built(service, 10, 25)
    found = explain(service, build, 25)
    assert (found.decision, found.reason) == ("restore", "unchanged")
    assert (found.state_name, found.lane, found.attempt) == ("Security baseline", "", None)
    assert (found.compared_build, found.compared_attempt) == (build.number, 1)
    assert list(shown(found)) == ["command", "input:hosts", "upstream:10"]
    assert set(shown(found).values()) == {"same"}
    assert found.text


def test_what_a_state_below_made_anew_is_seen_as_a_change(service: Service) -> None:
    build = built(service, 10, 25)
    run(service, build, 10, "made otherwise", fingerprint={"command": "c" * 64})
    found = explain(service, build, 25)
    assert (found.decision, found.reason) == ("run", "upstream_changed:10")
    assert shown(found)["upstream:10"] == "changed"
    (part,) = (each for each in found.parts if each.part == "upstream:10")
    assert (part.before, part.now) == (
        image(content="10").checksum,
        image(content="made otherwise").checksum,
    )


def test_what_is_not_there_any_more_is_a_change_since_it_is_made_anew(service: Service) -> None:
    build = built(service, 10, 25)
    (artifact,) = service.claim(build, 10).artifacts
    service.client.quarantine(artifact.id, Quarantine(reason="artifact_gone"))
    found = explain(service, build, 25)
    assert (found.decision, found.reason) == ("run", "upstream_changed:10")
    assert shown(found)["upstream:10"] == "changed"
    (part,) = (each for each in found.parts if each.part == "upstream:10")
    assert (part.before, part.now) == (artifact.checksum, None)


def test_a_state_that_was_never_tried_has_nothing_to_compare(service: Service) -> None:
    build = built(service, 10)
    for state in (5, 25):
        found = explain(service, build, state)
        assert (found.decision, found.reason) == ("run", "never_completed")
        assert (found.compared_build, found.compared_attempt, found.parts) == (None, None, ())


def test_an_explanation_says_what_the_plan_says(service: Service) -> None:
    build = built(service, 10, 25, 50)
    for lane in ("eu", "us"):
        service.fail(service.claim(build, 90, lane=lane))
    service.fail(service.claim(build, 60))
    service.client.waive(build.number, Waive(state=30, reason="not needed"))
    service.client.force(build.number, Force(state=50, reason="again"))
    for each in service.client.plan(build.number).milestones:
        found = explain(service, build, each.state, lane=each.lane)
        assert (found.decision, found.reason, found.text) == (each.decision, each.reason, each.text)


def test_a_lane_is_explained_with_the_trunk_below_it(service: Service) -> None:
    build = built(service, 10)
    run(service, build, 60, lane="eu")
    assert explain(service, build, 60, lane="eu").compared_attempt == 1
    assert explain(service, build, 10, lane="eu").compared_attempt == 1


def test_what_was_inherited_is_compared_with_the_parents_attempt(service: Service) -> None:
    parent = built(service, 10, 25)
    child = service.client.derive_build(parent.number, BuildDerive(platform="azure"))
    found = explain(service, child, 10)
    assert found.reason == f"derived_from:{parent.number}"
    assert (found.build, found.compared_build) == (child.number, parent.number)


def test_a_closed_build_refuses_what_it_has_not(service: Service) -> None:
    build = built(service, 10, 25)
    service.client.cancel_build(build.number, Cancel(reason="not needed"))
    for state in (5, 50):
        assert explain(service, build, state).decision == "refuse"


# --- of an attempt -----------------------------------------------------------------------------


def test_an_attempt_is_explained_by_what_it_was_compared_with(service: Service) -> None:
    build = built(service, 10, 25)
    run(service, build, 25, fingerprint={"command": "c" * 64, "param:os": "d" * 64})
    found = explain(service, build, 25, attempt=2)
    assert (found.decision, found.reason) == ("run", "recipe_changed:command")
    assert (found.attempt, found.compared_build, found.compared_attempt) == (2, build.number, 1)
    assert found.parts == (
        Part(part="command", before="a" * 64, now="c" * 64, change="changed"),
        Part(part="input:hosts", before="b" * 64, now=None, change="changed"),
        Part(part="param:os", before=None, now="d" * 64, change="changed"),
        *(each for each in found.parts if each.part == "upstream:10" and each.change == "same"),
    )
    assert len(found.parts) == 4


def test_a_first_attempt_was_compared_with_nothing(service: Service) -> None:
    found = explain(service, built(service, 10, 25), 25, attempt=1)
    assert (found.reason, found.compared_build, found.compared_attempt) == (
        "never_completed",
        None,
        None,
    )
    assert set(shown(found).values()) == {"unknown"}


def test_an_attempt_may_have_been_compared_with_the_parents(service: Service) -> None:
    parent = built(service, 10, 25)
    child = service.client.derive_build(parent.number, BuildDerive(platform="azure"))
    run(service, child, 25, "azure", fingerprint={"command": "c" * 64})
    found = explain(service, child, 25, attempt=1)
    assert (found.compared_build, found.compared_attempt) == (parent.number, 1)
    assert shown(found)["command"] == "changed"


def test_what_was_reported_was_not_decided(service: Service) -> None:
    build = service.make_build()
    service.report(build, 10, AttemptStatus.COMPLETED, image())
    found = explain(service, build, 10, attempt=1)
    assert (found.reason, found.parts) == ("", ())
    assert "without a claim" in found.text


def test_what_was_waived_was_not_run(service: Service) -> None:
    build = service.make_build()
    service.client.waive(build.number, Waive(state=10, reason="not needed"))
    found = explain(service, build, 10, attempt=1)
    assert (found.decision, found.reason) == ("skip", "waived")


# --- what is not there -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "fields", "field", "says"),
    [
        pytest.param(42, {}, "state", "not in its catalogue", id="state"),
        pytest.param(10, {"attempt": 2}, "attempt", "It has: 1", id="attempt"),
        pytest.param(25, {"attempt": 1}, "attempt", "It has none yet", id="never tried"),
        pytest.param(10, {"lane": "eu"}, "lane", "only the trunk", id="lane"),
    ],
)
def test_what_is_not_recorded_is_not_explained(
    service: Service, state: int, fields: dict[str, Any], field: str, says: str
) -> None:
    build = built(service, 10)
    with pytest.raises(NotFound, match=says) as refused:
        explain(service, build, state, **fields)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("query", "field"),
    [("", "state"), ("state=101", "state"), ("state=1&attempt=0", "attempt"), ("state=x", "state")],
)
def test_a_bad_question_names_its_field(service: Service, query: str, field: str) -> None:
    build = service.make_build()
    answer = service.request("GET", f"/v1/builds/{build.number}/explain?{query}")
    assert (answer.status, answer.problem["field"]) == (422, field)
