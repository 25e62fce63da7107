"""What no build can be derived from."""

import pytest
from support import Service, image

from buildstate_core.errors import Conflict, Held
from buildstate_core.models import Build, Force, Quarantine
from buildstate_core.vocabulary import Kind

from .deriving import common, derive, newest


def refusal(service: Service, parent: Build, state: int | None = None) -> Conflict:
    before = service.counts()
    with pytest.raises(Conflict) as refused:
        derive(service, parent, state)
    assert (refused.value.code, refused.value.field) == ("not-a-checkpoint", "from_state")
    assert service.counts() == before
    return refused.value


def test_only_a_usable_checkpoint_can_be_derived_from(service: Service) -> None:
    parent = common(service, 10, 25)
    service.complete(service.claim(parent, 30), kind=Kind.STEP)
    service.fail(service.claim(parent, 40))
    for state, why in {
        30: "it left no artifact to continue from",
        35: "nothing is recorded there",
        40: "it is failed",
        50: "state 40 below it is failed",
    }.items():
        refused = refusal(service, parent, state)
        assert why in refused.message
        assert refused.hint == "Start from one that can be used: 10, 25."


def test_a_checkpoint_with_something_broken_below_it_is_refused(service: Service) -> None:
    parent = common(service, 10, 25)
    (artifact,) = newest(service, parent, 10).artifacts
    service.client.quarantine(artifact.id, Quarantine(reason="artifact_gone"))
    refused = refusal(service, parent, 25)
    assert "state 10 below it left an artifact that is quarantined" in refused.message
    assert f"bldst plan {parent.number}" in (refused.hint or "")


def test_what_was_forced_is_no_checkpoint_until_it_is_made_again(service: Service) -> None:
    parent = common(service, 10, 25)
    service.client.force(parent.number, Force(state=25, reason="again"))
    assert "a person asked for that" in refusal(service, parent, 25).message
    service.complete(service.claim(parent, 25), image(content="again"))
    assert derive(service, parent).derived_state == 25


def test_a_build_without_a_checkpoint_cannot_be_derived_from(service: Service) -> None:
    assert "has no checkpoint yet" in refusal(service, common(service)).message


def test_what_is_being_made_again_below_the_checkpoint_is_waited_for(service: Service) -> None:
    parent = common(service, 10, 25)
    gate = service.claim(parent, 20, kind=Kind.GATE, worker="packer-07")
    with pytest.raises(Held, match="packer-07") as refused:
        derive(service, parent, 25)
    assert (refused.value.holder, refused.value.field) == ("packer-07", "from_state")
    assert derive(service, parent, 10).resume_from == 10
    service.complete(gate)


def test_a_derived_build_is_not_its_own_parent(service: Service) -> None:
    parent = common(service, 10)
    with pytest.raises(Conflict, match="of its own") as refused:
        derive(service, parent, platform=parent.platform)
    assert (refused.value.code, refused.value.field) == ("derived-key-taken", "key")
    assert all(flag in (refused.value.hint or "") for flag in ("--platform", "--version", "--key"))
    assert derive(service, parent, platform=parent.platform, key="mine").key == "mine"


def test_nothing_derives_from_an_unknown_build(service: Service) -> None:
    common(service, 10)
    answer = service.request("POST", "/v1/builds/999/derive", {})
    assert (answer.status, answer.problem["field"]) == (404, "build")
    for ref in ("999", "none", "rhel-common/none", "none/9.6", "rhel-common/", "/"):
        body = {"project": "rhel-common", "version": "1", "derived_from": ref}
        answer = service.request("POST", "/v1/builds", body)
        assert (answer.status, answer.problem["field"]) == (404, "derived_from"), ref
