"""Milestones that a person has run again."""

import pytest
from support import Service, image

from buildstate_core.errors import Held, NotFound

from .decisions import built, decided, force


def test_what_was_forced_runs_again_and_what_is_below_is_kept(service: Service) -> None:
    build, _ = built(service, 10, 25, 50)
    plan = force(service, build, 25)
    assert decided(plan)[10] == ("restore", "unchanged")
    assert decided(plan)[25] == ("run", "forced")
    assert decided(plan)[50][0] == "run"
    assert service.client.get_build(build.number).resume_from == 10
    claim = service.claim(build, 25)
    assert (claim.decision, claim.reason) == ("run", "forced")
    service.complete(claim, image(content="25"))
    assert service.claim(build, 25).decision == "skip"


def test_one_lane_is_forced_alone_and_the_trunk_with_all_lanes(service: Service) -> None:
    build, _ = built(service, 10)
    for lane in ("eu", "us"):
        service.complete(service.claim(build, 60, lane=lane), image(content=lane))
    force(service, build, 60, lane="eu")
    for lane, decision in (("eu", "run"), ("us", "skip")):
        assert service.claim(build, 60, lane=lane).decision == decision
    with pytest.raises(Held):  # the claim that was just made
        force(service, build, 10)


def test_a_lane_that_is_none_is_not_forced(service: Service) -> None:
    build, _ = built(service, 10)
    with pytest.raises(NotFound, match="only the trunk") as refused:
        force(service, build, 10, lane="eu")
    assert refused.value.field == "lane"
    service.complete(service.claim(build, 60, lane="eu"), image())
    with pytest.raises(NotFound, match="Its lanes are: eu"):
        force(service, build, 10, lane="us")


def test_nothing_is_forced_while_a_worker_is_at_it(service: Service) -> None:
    build, _ = built(service, 10, 25)
    held = service.claim(build, 50, worker="packer-07")
    before = service.counts()
    for state in (25, 50):
        with pytest.raises(Held, match="packer-07") as refused:
            force(service, build, state)
        assert f"bldst build cancel {build.number}" in (refused.value.hint or "")
    assert service.counts() == before
    force(service, build, 60)
    service.complete(held, image())
