"""Which build is opened, and which lane is meant: never another one in silence."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import Conflict, InvalidInput
from buildstate_core.vocabulary import TRUNK
from buildstate_flows import build, milestone


@pytest.mark.parametrize(
    ("field", "parameter"),
    [("platform", "platform"), ("os", "os"), ("image type", "image_type")],
)
def test_a_build_with_this_key_for_something_else_is_a_conflict_and_nothing_runs(
    field: str, parameter: str, worker_a: Any, worker_b: Any, ran: Any
) -> None:
    @milestone(state=10)
    def base() -> str:
        ran(10)
        return "base"

    with worker_a.build(key="nightly", **{parameter: "this"}) as opened:
        base()
    assert ran.since() == [10]
    with (
        pytest.raises(Conflict) as refused,
        worker_b.build(key="nightly", **{parameter: "that"}),
    ):
        base()
    assert ran.since() == []
    assert refused.value.code == "another-build"
    assert refused.value.field == parameter
    assert f"its {field} is 'this', not 'that'" in refused.value.message
    assert f"Build {opened.number} " in refused.value.message
    assert "a key of its own" in str(refused.value)


def test_another_version_under_one_key_is_a_conflict(worker_a: Any) -> None:
    with worker_a.build(key="nightly"):
        pass
    told = pytest.raises(Conflict, match=r"its version is '9\.6', not '9\.7'")
    with told, build("rhel-base", "9.7", key="nightly", settings=worker_a.settings):
        pass


def test_another_parent_under_one_key_is_a_conflict(worker_a: Any) -> None:
    @milestone(state=10)
    def base() -> Path:
        Path("base.img").write_text("base")
        return Path("base.img")

    parents = []
    for key in ("one", "two"):
        with worker_a.build(key=key) as parent:
            base()
        parents.append(parent.number)
    one, two = parents
    with worker_a.build(key="child", derive_from=one):
        pass
    told = pytest.raises(Conflict, match=f"of build {one}, not the resume point of build {two}")
    with told, worker_a.build(key="child", derive_from=two):
        pass


@pytest.mark.parametrize("version", [" 9.6", "9.6\t"])
def test_blanks_around_a_version_make_no_other_build(version: str, worker_a: Any) -> None:
    with worker_a.build() as opened:
        pass
    with build("rhel-base", version, platform="aws ", settings=worker_a.settings) as again:
        assert again.number == opened.number


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"key": ""}, 'key is ""; use some text, or leave it out.'),
        ({"platform": "a\n"}, 'platform is "a\\n": it contains the control character U+000A'),
        ({"derive_from": 1, "lane": ""}, 'lane is ""; use a lane\'s name, or leave it out'),
        ({"derive_from": 1, "lane": "trunk"}, 'lane is "trunk"; use another name'),
    ],
)
def test_a_name_that_is_none_is_refused(given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput) as refused, build("rhel-base", "9.6", **given):
        pass
    assert told in refused.value.message


LANES = [
    pytest.param("", 'The lane of publish is ""; use a lane\'s name, or leave it out', id="empty"),
    pytest.param(" ", 'The lane of publish is " "; use a lane\'s name, or leave it', id="blank"),
    pytest.param("trunk", 'The lane of publish is "trunk"; use another name', id="trunk"),
    pytest.param(
        "eu west",
        'The lane of publish is "eu west"; use letters, digits, dot, dash and underscore, and a'
        " letter or digit first.",
        id="two words",
    ),
    pytest.param("eu\n", "it contains the control character U+000A; leave that out.", id="line"),
]


class TestALane:
    """Of a milestone: written at it, by `with_options`, or taken from a parameter."""

    @pytest.fixture
    def publish(self, ran: Any) -> Callable[[str | None], Any]:
        def made(lane: str | None) -> Any:
            @milestone(state=60, lane=lane, kind="effect")
            def publish(region: str | None = None) -> str:
                ran(60)
                return f"in {region}"

            return publish

        return made

    @pytest.mark.parametrize(("lane", "told"), LANES)
    def test_that_is_none_is_refused_where_it_is_written(
        self, lane: str, told: str, publish: Any
    ) -> None:
        for written in (lambda: publish(lane), lambda: publish(None).with_options(lane=lane)):
            with pytest.raises(InvalidInput) as refused:
                written()
            assert told in refused.value.message
            assert refused.value.field == "lane"

    @pytest.mark.parametrize(("lane", "told"), LANES)
    def test_that_comes_out_as_none_is_refused_before_anything_runs(
        self, lane: str, told: str, publish: Any, worker_a: Any, ran: Any
    ) -> None:
        with worker_a.build(), pytest.raises(InvalidInput) as refused:
            publish("{region}")(lane)
        assert told in refused.value.message
        assert ran.since() == []
        assert worker_a.history() == []

    @pytest.mark.parametrize("template", ["{region}", "img-{region}"])
    def test_named_after_what_is_none_is_refused(
        self, template: str, publish: Any, worker_a: Any, ran: Any
    ) -> None:
        with worker_a.build(), pytest.raises(InvalidInput, match="parameter that is None") as no:
            publish(template)(None)
        assert (no.value.code, no.value.field) == ("empty-lane", "lane")
        assert ran.since() == []

    @pytest.mark.parametrize("template", ["{place}", "{0}", "{}", "{region[a]}", "{region"])
    def test_named_after_no_parameter_is_refused(
        self, template: str, publish: Any, worker_a: Any
    ) -> None:
        with worker_a.build(), pytest.raises(InvalidInput, match="is no parameter") as refused:
            publish(template)("eu")
        assert refused.value.code == "bad-lane"

    def test_is_in_one_form_and_the_same_one_in_a_rerun(
        self, publish: Any, worker_a: Any, ran: Any
    ) -> None:
        with worker_a.build():
            publish("{region}")(" eu ")
            publish(" eu ").with_options(name="publish")(" eu ")
        assert [each.lane for each in worker_a.history()] == ["eu"]
        assert ran.since() == [60]

    def test_that_is_not_given_is_the_trunk_and_can_be_again(
        self, publish: Any, worker_a: Any
    ) -> None:
        with worker_a.build():
            publish(None)()
            publish("eu").with_options(lane=None, state=70)()
        assert [each.lane for each in worker_a.history()] == [TRUNK, TRUNK]
