"""Builds that a person stops."""

import pytest
from support import Service, image

from buildstate_core.errors import Conflict, StaleClaim
from buildstate_core.models import Revoke
from buildstate_core.vocabulary import AttemptStatus

from .decisions import WHY, adopt, built, cancel, force, types_of, waive


def test_the_holder_of_a_cancelled_build_learns_who_stopped_it_and_why(service: Service) -> None:
    build, _ = built(service, 10)
    held = service.claim(build, 25)
    service.report(build, 26, AttemptStatus.IN_PROGRESS)
    shown = cancel(service, build)
    assert (shown.status, shown.active) == ("cancelled", ())
    with pytest.raises(StaleClaim, match=f"cancelled.*tests: {WHY}"):
        service.heartbeat(held)
    with pytest.raises(StaleClaim):
        service.complete(held, image())
    ended = [each for each in service.client.history(build.number) if each.state != 10]
    assert {(each.status, each.message) for each in ended} == {("cancelled", f"tests: {WHY}")}
    assert {"build.cancel", "build.cancelled", "attempt.cancelled"} <= {*types_of(service, build)}


def test_a_build_is_cancelled_once_and_its_first_reason_stays(service: Service) -> None:
    build, _ = built(service, 10)
    cancel(service, build)
    before = service.counts()
    assert cancel(service, build, "again").status == "cancelled"
    assert service.counts() == before | {"idempotency_keys": before["idempotency_keys"] + 1}
    (only,) = service.client.interventions(build.number)
    assert only.reason == WHY


def test_a_cancelled_build_takes_no_more_work(service: Service) -> None:
    build, made = built(service, 10)
    cancel(service, build)
    assert service.claim(build, 10).decision == "skip"
    for decide in (
        lambda: service.claim(build, 25),
        lambda: service.report(build, 25, AttemptStatus.COMPLETED),
        lambda: waive(service, build, 25),
        lambda: force(service, build, 10),
        lambda: adopt(service, build, 25),
    ):
        with pytest.raises(Conflict) as refused:
            decide()
        assert refused.value.code == "build-cancelled"
    assert service.client.revoke_artifact(made[10].id, Revoke(reason=WHY)).builds == (1,)
    assert service.client.get_build(build.number).status == "cancelled"


def test_what_is_delivered_or_superseded_is_not_cancelled(service: Service) -> None:
    delivered, _ = built(service, 10, 100)
    old = service.make_build(key="k")
    service.make_build(key="k", restart=True)
    for build, code in ((delivered, "build-completed"), (old, "build-superseded")):
        with pytest.raises(Conflict) as refused:
            cancel(service, build)
        assert refused.value.code == code
