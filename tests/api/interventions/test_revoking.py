"""Artifacts that a person takes out of use, and what was made from them."""

import pytest
from support import Service, image

from buildstate_core.errors import NotFound
from buildstate_core.models import BuildDerive, Revoke

from .decisions import WHY, built, revoke, types_of


def test_a_revoked_artifact_and_what_was_made_from_it_are_not_used_again(
    service: Service,
) -> None:
    build, made = built(service, 10, 25, 50)
    revocation = revoke(service, made[25])
    assert {each.id for each in revocation.artifacts} == {made[25].id, made[50].id}
    assert {each.status for each in revocation.artifacts} == {"revoked"}
    assert revocation.builds == (build.number,)
    assert service.client.get_artifact(made[10].id).status == "available"
    assert service.client.get_build(build.number).resume_from == 10
    claim = service.claim(build, 25)
    assert (claim.decision, claim.reason) == ("run", "revoked")
    assert [each.id for each in claim.restore] == [made[10].id]
    assert types_of(service, build).count("artifact.revoked") == 2


def test_what_lies_beside_a_revoked_artifact_stays(service: Service) -> None:
    build = service.make_build()
    done = service.complete(service.claim(build, 10), image("a", "a"), image("b", "b"))
    first, second = done.artifacts
    assert [each.id for each in revoke(service, first).artifacts] == [first.id]
    assert service.client.get_artifact(second.id).status == "available"


def test_a_revocation_follows_into_builds_that_were_derived(service: Service) -> None:
    build, made = built(service, 10, 25, 50)
    derive = BuildDerive(from_state=25, platform="azure")
    child = service.client.derive_build(build.number, derive)
    (own,) = service.complete(service.claim(child, 50), image(content="azure")).artifacts
    grandchild = service.client.derive_build(child.number, BuildDerive(platform="gcp"))
    other = service.client.derive_build(build.number, BuildDerive(from_state=10, platform="oci"))
    assert grandchild.resume_from == 50

    revocation = revoke(service, made[25])
    assert {each.id for each in revocation.artifacts} == {made[25].id, made[50].id, own.id}
    assert {each.id: each.build for each in revocation.artifacts}[own.id] == child.number
    assert revocation.builds == (build.number, child.number, grandchild.number)
    for each in (build, child, grandchild):
        assert service.client.get_build(each.number).resume_from == 10
    assert service.client.get_build(other.number).resume_from == 10
    assert service.client.get_artifact(made[10].id).status == "available"


def test_what_only_a_derived_build_made_is_revoked_there_alone(service: Service) -> None:
    build, made = built(service, 10, 25)
    child = service.client.derive_build(build.number, BuildDerive(platform="azure"))
    (own,) = service.complete(service.claim(child, 50), image(content="azure")).artifacts
    assert revoke(service, own).builds == (child.number,)
    assert service.client.get_build(build.number).resume_from == 25
    assert service.client.get_artifact(made[25].id).status == "available"


def test_a_revocation_said_twice_says_the_same_and_does_nothing_more(service: Service) -> None:
    build, made = built(service, 10, 25)
    first = revoke(service, made[10])
    before = service.counts()
    assert revoke(service, made[10]) == first
    assert service.counts() == before | {"idempotency_keys": before["idempotency_keys"] + 1}
    assert len(list(service.client.interventions(build.number))) == 1


def test_an_unknown_artifact_is_not_revoked(service: Service) -> None:
    build = service.make_build()
    with pytest.raises(NotFound) as refused:
        service.client.revoke_artifact(build.id, Revoke(reason=WHY))
    assert refused.value.field == "artifact"
