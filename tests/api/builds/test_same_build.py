"""Which build a key means: the one that it was recorded for, and no other."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from support import Service

from buildstate_core.errors import Conflict
from buildstate_core.models import BuildCreate, BuildDerive
from buildstate_core.vocabulary import AttemptStatus

from .deriving import common

AtOnce = Callable[[int, Callable[[int], Any]], list[Any]]

TRAITS = ("version", "platform", "os", "image_type")


def keyed(**fields: Any) -> BuildCreate:
    return BuildCreate(project="rhel-base", key="nightly", **fields)


@pytest.fixture
def service(service: Service) -> Service:
    service.make_project()
    return service


@pytest.mark.parametrize("trait", TRAITS)
class TestATraitOfABuild:
    """Its version, platform, OS or image type: recorded or not, said or not."""

    def test_that_is_said_as_recorded_means_this_build(self, service: Service, trait: str) -> None:
        first, again = (service.client.create_build(keyed(**{trait: "a"})) for _ in range(2))
        assert again == first

    def test_that_is_said_otherwise_is_a_conflict_with_both_values(
        self, service: Service, trait: str
    ) -> None:
        build = service.client.create_build(keyed(**{trait: "this"}))
        body = {"project": "rhel-base", "key": "nightly", trait: "that"}
        answer = service.request("POST", "/v1/builds", body)
        assert answer.status == 409
        problem = answer.problem
        assert (problem["type"], problem["field"]) == ("/problems/another-build", trait)
        assert problem["detail"] == (
            f"Build {build.number} has the key 'nightly' already, and is another one:"
            f" its {trait.replace('_', ' ')} is 'this', not 'that'."
        )
        assert "a key of its own" in problem["hint"]
        assert service.client.get_build(build.number) == build

    def test_that_is_not_said_means_this_build(self, service: Service, trait: str) -> None:
        build = service.client.create_build(keyed(**{trait: "a"}))
        assert service.client.create_build(keyed()) == build

    def test_that_was_not_recorded_is_recorded_and_holds_from_then_on(
        self, service: Service, trait: str
    ) -> None:
        build = service.client.create_build(keyed())
        described = service.client.create_build(keyed(**{trait: "this"}))
        assert described.id == build.id
        assert getattr(described, trait) == "this"
        assert service.client.get_build(build.number) == described
        with pytest.raises(Conflict, match="is 'this', not 'that'"):
            service.client.create_build(keyed(**{trait: "that"}))

    def test_that_differs_in_the_build_that_is_restarted_is_the_new_one_s(
        self, service: Service, trait: str
    ) -> None:
        old = service.client.create_build(keyed(**{trait: "this"}))
        new = service.client.create_build(keyed(**{trait: "that"}, restart=True))
        assert new.number > old.number
        assert getattr(new, trait) == "that"

    def test_that_differs_in_a_delivered_build_is_a_conflict(
        self, service: Service, trait: str
    ) -> None:
        build = service.client.create_build(keyed(**{trait: "this"}))
        service.report(build, 100, AttemptStatus.COMPLETED)
        with pytest.raises(Conflict) as refused:
            service.client.create_build(keyed(**{trait: "that"}))
        assert refused.value.code == "another-build"

    def test_that_differs_in_another_project_means_another_build(
        self, service: Service, trait: str
    ) -> None:
        service.make_project("other")
        build = service.client.create_build(keyed(**{trait: "this"}))
        other = BuildCreate.model_validate({"project": "other", "key": "nightly", trait: "that"})
        assert service.client.create_build(other).id != build.id


def test_all_that_differs_is_named(service: Service) -> None:
    service.client.create_build(keyed(platform="aws", os="rhel-9", version="9.6"))
    with pytest.raises(Conflict) as refused:
        service.client.create_build(keyed(platform="gcp", os="rhel-8", version="9.6"))
    assert "its platform is 'aws', not 'gcp'; its os is 'rhel-9', not 'rhel-8'." in str(
        refused.value
    )


def test_two_descriptions_that_make_the_same_key_are_two_builds(service: Service) -> None:
    first = BuildCreate(project="rhel-base", version="9.6/aws", platform="rhel-9")
    other = BuildCreate(project="rhel-base", version="9.6", platform="aws/rhel-9")
    assert first.derived_key == other.derived_key
    service.client.create_build(first)
    with pytest.raises(Conflict, match=r"its version is '9\.6/aws', not '9\.6'"):
        service.client.create_build(other)


def test_of_ten_that_describe_a_build_at_once_the_first_is_right(
    service: Service, at_once: AtOnce
) -> None:
    service.client.create_build(keyed())

    def describe(which: int) -> str | None:
        with contextlib.suppress(Conflict):
            return service.client.create_build(keyed(platform=f"p{which}")).platform
        return None

    (right,) = set(at_once(10, describe)) - {None}
    assert service.client.create_build(keyed()).platform == right


def test_what_is_described_later_is_an_event(service: Service) -> None:
    build = service.client.create_build(keyed())
    service.client.create_build(keyed(platform="aws"))
    service.client.create_build(keyed(platform="aws"))
    events = service.request("GET", f"/v1/builds/{build.number}/events").json["items"]
    described = [each["data"] for each in events if each["type"] == "build.described"]
    assert described == [{"platform": "aws"}]


class TestADerivation:
    """A build that starts from another one, asked for once more."""

    def test_says_nothing_of_what_it_takes_from_its_parent(self, service: Service) -> None:
        parent = common(service, 10)
        child = service.client.derive_build(parent.number, BuildDerive(key="k", platform="azure"))
        assert parent.platform != child.platform
        assert service.client.derive_build(parent.number, BuildDerive(key="k")) == child

    def test_for_another_platform_is_a_conflict_with_both_values(self, service: Service) -> None:
        parent = common(service, 10)
        service.client.derive_build(parent.number, BuildDerive(key="k", platform="azure"))
        with pytest.raises(Conflict, match="its platform is 'azure', not 'gcp'") as refused:
            service.client.derive_build(parent.number, BuildDerive(key="k", platform="gcp"))
        assert (refused.value.code, refused.value.field) == ("another-build", "platform")

    def test_from_another_parent_is_a_conflict_with_both_values(self, service: Service) -> None:
        one, two = common(service, 10), common(service, 10, version="9.7")
        service.client.create_build(keyed(derived_from=str(one.number)))
        with pytest.raises(Conflict) as refused:
            service.client.create_build(keyed(derived_from=str(two.number), derived_state=10))
        assert (refused.value.code, refused.value.field) == ("another-build", "derived_from")
        assert (
            f"it starts from state 10 of build {one.number}, not state 10 of build {two.number}."
        ) in refused.value.message

    def test_under_the_key_of_a_build_from_nothing_is_a_conflict(self, service: Service) -> None:
        parent = common(service, 10)
        service.client.create_build(keyed())
        with pytest.raises(Conflict, match="it starts from nothing, not the resume point of"):
            service.client.create_build(keyed(derived_from=str(parent.number)))

    def test_that_is_opened_without_saying_so_is_the_same_build(self, service: Service) -> None:
        child = service.client.create_build(keyed(derived_from=str(common(service, 10).number)))
        assert service.client.create_build(keyed()) == child
