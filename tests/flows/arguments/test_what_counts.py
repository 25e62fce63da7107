"""What a milestone is called with decides whether it runs: every kind of value, or a refusal."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cloudpickle
import pytest
from prefect import flow

from buildstate_core.errors import InvalidInput
from buildstate_flows import milestone
from buildstate_flows.artifact import open_results
from buildstate_flows.engine.milestone_call import MilestoneCall
from buildstate_worker.inputs.ignoring import Ignored
from buildstate_worker.inputs.source import Checkout
from buildstate_worker.reads import Digests, Project


@dataclass(frozen=True)
class Disk:
    image: Any
    size: object = 8


class Layers(NamedTuple):
    lower: Any
    upper: Any


class Client:
    """Holds what has no digest."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.lock = threading.Lock()


class KnownClient(Client):
    def __bldst_fingerprint__(self) -> str:
        return self.url


@milestone(state=10)
def base() -> Path:
    Path("base.raw").write_text("base")
    return Path("base.raw")


def written(name: str, text: str) -> Path:
    Path(name).write_text(text)
    return Path(name)


def test_a_value_without_a_digest_is_refused_at_the_call(worker_a: Any, ran: Any) -> None:
    @milestone(state=20)
    def fetch(config: dict[str, Any]) -> None:
        ran(20)
        assert config

    with worker_a.build(), pytest.raises(InvalidInput) as refused:
        fetch({"client": Client("a")})
    assert (refused.value.code, refused.value.field) == ("no-digest", "config")
    assert 'config["client"].lock is of type _thread.lock' in refused.value.message
    assert '`ignore=["config"]`' in str(refused.value.hint)
    assert ran.since() == []
    assert worker_a.history() == []


def test_an_ignored_parameter_may_be_anything_and_does_not_count(worker_a: Any, ran: Any) -> None:
    @milestone(state=20, kind="effect", ignore=["client"])
    def fetch(client: Client, release: str) -> None:
        ran((client.url, release))

    with worker_a.build():
        fetch(Client("a"), "9.6")
        fetch(Client("b"), "9.6")
    with worker_a.build():
        fetch.with_options(retries=1)(Client("c"), "9.7")
    assert ran.since() == [("a", "9.6"), ("c", "9.7")]
    assert "param:client" not in worker_a.history()[-1].fingerprint


def test_a_method_says_what_stands_for_an_object() -> None:
    @milestone(state=20, kind="effect")
    def fetch(client: KnownClient) -> None:
        assert client.url

    parts = [made(fetch, client=KnownClient(url)) for url in ("a", "a", "b")]
    assert parts[0] == parts[1] != parts[2]


@pytest.mark.parametrize(
    ("ignore", "said"),
    [
        (["cliemt"], r"fetch has no parameter 'cliemt' that could be ignored\. .*client, release"),
        ("client", r"The ignore of fetch is one string\. .*\['client'\]"),
    ],
)
def test_what_cannot_be_ignored_is_said_at_the_decoration(ignore: Any, said: str) -> None:
    def fetch(client: Client, release: str) -> None: ...

    with pytest.raises(InvalidInput, match=said) as refused:
        milestone(state=20, ignore=ignore)(fetch)
    assert refused.value.field == "ignore"


def checkout() -> Checkout:
    """Return this working directory, in which nothing is declared."""
    here = Path.cwd()
    return Checkout(here, Project.around(here), Digests(here / "none", "none"), Ignored(here))


def made(task: Any, **parameters: Any) -> dict[str, str]:
    """Return the parts of a call's parameters."""
    call = MilestoneCall.of(task.spec, parameters)
    return call._fingerprint(lambda _: False, checkout())


def made_1(task: Any, **parameters: Any) -> dict[str, str]:
    """Return the same as the last release recorded them."""
    call = MilestoneCall.of(task.spec, parameters)
    return call._fingerprint_1(lambda _: False)


@milestone(state=20, code="ignore")
def takes(value: Any) -> None:
    assert value


class TestBothRecorders:
    def test_the_new_one_says_so_in_every_digest(self) -> None:
        assert made(takes, value="a")["param:value"].startswith("2:")
        assert len(made_1(takes, value="a")["param:value"]) == 64

    @pytest.mark.parametrize(
        ("then", "now"),
        [
            pytest.param(Decimal("1.0"), "1.0", id="decimal"),
            pytest.param(Path("a"), "a", id="path"),
            pytest.param((1,), [1], id="tuple"),
            pytest.param(Disk(1), {"image": 1, "size": 8}, id="dataclass"),
        ],
    )
    def test_only_the_new_one_tells_types_apart(self, then: object, now: object) -> None:
        assert made(takes, value=then) != made(takes, value=now)
        assert made_1(takes, value=then) == made_1(takes, value=now)

    @pytest.mark.parametrize("value", [{1, 2}, b"a", {("a",): 1}, Disk(1, {2})])
    def test_only_the_new_one_knows_every_kind_of_value(self, value: object) -> None:
        assert set(made(takes, value=value)) == {"param:value"}
        assert made_1(takes, value=value) == {}

    @pytest.mark.parametrize("make", [list, lambda image: {"a": [image]}, lambda image: image])
    def test_a_result_counts_as_the_state_that_made_it(
        self, worker_a: Any, make: Callable[[Any], Any]
    ) -> None:
        with worker_a.build():
            image = base()
            value = make([image]) if make is list else make(image)
            call = MilestoneCall.of(takes.spec, {"value": value})
        of_now = partial(call._fingerprint, checkout=checkout())
        for parts in (of_now, call._fingerprint_1):
            assert set(parts(lambda _: True)) == {"param:value"}
            assert parts(lambda _: True) != parts(lambda _: False)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(Disk, id="dataclass"),
        pytest.param(lambda image: Layers(image, "a"), id="named tuple"),
        pytest.param(lambda image: {image}, id="set"),
        pytest.param(lambda image: [Disk({"a": (image,)})], id="nested"),
    ],
)
def test_a_result_inside_is_consumed_and_arrives_as_a_path(
    worker_a: Any, worker_b: Any, make: Callable[[Any], Any]
) -> None:
    def text_of(value: Any) -> str:
        while not isinstance(value, Path):
            value = next(
                iter(
                    value.values()
                    if isinstance(value, dict)
                    else [value.image]
                    if isinstance(value, Disk)
                    else value
                )
            )
        return value.read_text()

    @milestone(state=20)
    def look(value: Any) -> str:
        return text_of(value)

    with worker_a.build():
        base()
    with worker_b.build():
        assert look(make(base())) == "base"
    assert "upstream:10" in worker_a.history()[-1].fingerprint


def test_a_result_in_an_object_or_a_closure_is_consumed_and_downloaded_when_it_is_read(
    worker_a: Any, worker_b: Any
) -> None:
    class Image:
        def __init__(self, image: Any) -> None:
            self.image = image

        @milestone(state=20, version="1")
        def size(self) -> int:
            return len(self.image.read_text())

    def reading(image: Any) -> Any:
        @milestone(state=30, version="1")
        def read() -> str:
            return str(image.read_text())

        return read

    with worker_a.build():
        base()
    with worker_b.build() as build:
        image = base()
        of_method: Any = Image(image)
        assert of_method.size() == 4
        assert reading(image)() == "base"
        assert len(build.downloads) == 1
    assert ["upstream:10" in each.fingerprint for each in worker_a.history()] == [
        False,
        True,
        True,
    ]


def test_an_artifact_that_came_before_its_build_was_opened_is_read_when_it_is(
    worker_a: Any,
) -> None:
    with worker_a.build():
        image: Any = base()
        opened = open_results.pop(image.session_id)
        came = cloudpickle.loads(cloudpickle.dumps(image))
        with pytest.raises(InvalidInput, match="not open in this one"):
            came.read_text()
        open_results[image.session_id] = opened
        assert came.read_text() == "base"


def test_what_a_function_does_to_its_arguments_does_not_count(worker_a: Any, ran: Any) -> None:
    @milestone(state=20, kind="effect")
    def fill(names: list[str]) -> None:
        ran(20)
        names.append("b")

    for _ in range(2):
        with worker_a.build():
            fill(["a"])
    assert ran.since() == [20]


@pytest.mark.usefixtures("prefect")
def test_each_retry_is_known_by_what_the_first_try_was_called_with(worker_a: Any, ran: Any) -> None:
    @milestone(state=20, kind="effect", retries=1)
    def fill(names: list[str]) -> None:
        names.append("b")
        ran(len(names))
        if len(names) == 2:
            raise RuntimeError("again")

    @flow
    def run() -> None:
        with worker_a.build():
            fill(["a"])

    run()
    assert ran.since() == [2, 3]
    failed, completed = worker_a.history()
    assert failed.fingerprint == completed.fingerprint
    with worker_a.build():
        fill(["a"])
    assert ran.since() == []


def test_an_instant_in_another_time_zone_is_no_change() -> None:
    noon = datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert made(takes, value=noon) == made(takes, value=noon.astimezone())
