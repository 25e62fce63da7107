"""Derivations that are asked for again, or by several at once."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from support import Service, image

from buildstate_core.errors import Conflict
from buildstate_core.models import CatalogState, Revoke
from buildstate_core.vocabulary import AttemptStatus

from .deriving import common, derive, newest

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]


def test_the_same_derivation_is_the_same_build(service: Service) -> None:
    parent = common(service, 10, 25)
    path, body = f"/v1/builds/{parent.number}/derive", {"from_state": 25, "platform": "azure"}
    first, again = (service.request("POST", path, body) for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert again.json["id"] == first.json["id"]


def test_an_open_start_means_the_same_build_when_the_parent_has_come_further(
    service: Service,
) -> None:
    parent = common(service, 10)
    first = derive(service, parent)
    service.complete(service.claim(parent, 25), image(content="further"))
    assert derive(service, parent) == first


def test_another_derivation_of_the_same_key_is_refused(service: Service) -> None:
    parent = common(service, 10, 25)
    derive(service, parent, 25)
    other = common(service, 10, version="9.7")
    for again, field in (
        (lambda: derive(service, parent, 10), "from_state"),
        (lambda: derive(service, other, version="9.6"), "build"),
        (lambda: derive(service, parent, 25, lane="eu"), "lane"),
    ):
        with pytest.raises(Conflict, match=f"state 25 of build {parent.number}") as refused:
            again()
        assert (refused.value.code, refused.value.field) == ("another-build", field)
        assert refused.value.hint
    service.make_build("rhel-common", key="plain")
    with pytest.raises(Conflict, match="starts from nothing, not the resume point of"):
        derive(service, parent, key="plain")


def test_ten_that_derive_at_once_agree_on_one_build(service: Service, at_once: AtOnce) -> None:
    parent = common(service, 10, 25)
    builds = at_once(10, lambda _: derive(service, parent, 25))
    assert len({each.id for each in builds}) == 1
    assert service.counts()["inherited_attempts"] == 2


def test_a_parent_without_a_version_gives_one_build_for_each_platform(service: Service) -> None:
    parent = common(service, 10, version=None)
    other = common(service, 10, version=None)
    first, again, apart = (derive(service, each) for each in (parent, parent, other))
    assert first.id == again.id
    assert apart.id != first.id


def test_what_touches_several_builds_at_once_neither_waits_for_ever_nor_leaves_a_gap(
    service: Service, at_once: AtOnce
) -> None:
    parent = common(service, 10, 25)
    child = derive(service, parent, platform="first")
    (artifact,) = newest(service, parent, 25).artifacts

    def disturb(which: int) -> None:
        match which % 5:
            case 0:
                with contextlib.suppress(Conflict):  # when the revocation was faster
                    derive(service, child, 25, platform=f"p{which}")
            case 1:
                service.client.revoke_artifact(artifact.id, Revoke(reason="compromised"))
            case 2:
                state = CatalogState(code=60 + which, name="New")
                service.client.insert_state("rhel-common", state, apply_to_open=True)
            case 3:
                service.report(child, 5, AttemptStatus.COMPLETED)
            case _:
                service.report(parent, 5, AttemptStatus.COMPLETED)

    at_once(20, disturb)
    for build in service.client.list_builds():
        assert build.resume_from == 10, build
        assert service.claim(build, 25).reason == "revoked"
