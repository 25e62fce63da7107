"""How the results of milestones arrive in a function, and probes of what they did."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_flows import Artifact, Handle, milestone


def written(name: str) -> Path:
    Path(name).write_text(name)
    return Path(name)


@milestone(state=10)
def one() -> Path:
    return written("one")


@milestone(state=11)
def several() -> dict[str, Path]:
    return {"a": written("a"), "b": written("b")}


def test_an_artifact_arrives_as_the_function_says(worker_a: Any, worker_b: Any) -> None:
    def look(
        path: Path,
        maybe: Path | None,
        paths: list[Path],
        named: dict[str, Path],
        any_path: os.PathLike[str],
        text: str,
        texts: tuple[str, ...],
        lazy: Artifact,
        unsaid,  # noqa: ANN001 - the case
        nothing: Path | None = None,
    ) -> list[Any]:
        seen = [path, maybe, *paths, *named.values(), any_path, text, *texts, lazy, unsaid]
        return [*[type(each).__name__ for each in seen], nothing]

    with worker_a.build():
        one()
        several()
    with worker_b.build() as build:
        image, images = one(), several()
        arguments = (image, image, [image], images, image, image, (image, image), image, image)
        assert milestone(state=20)(look)(*arguments) == [
            *["PosixPath"] * 6,
            *["str"] * 3,
            "Artifact",
            "PosixPath",
            None,
        ]
        assert len(build.downloads) == 3


def test_a_lazy_argument_is_not_downloaded_and_still_consumed(worker_a: Any, worker_b: Any) -> None:
    @milestone(state=20)
    def where(image: Artifact) -> str | None:
        return image.uri

    with worker_a.build():
        one()
    with worker_b.build() as build:
        assert where(one()).endswith("/one")
        assert build.downloads == ()
    assert {"param:image", "upstream:10"} < set(worker_b.history()[-1].fingerprint)


def test_a_method_may_be_a_milestone(worker_a: Any) -> None:
    class Image:
        release = "9.6"

        @milestone(state=10)
        def base(self, suffix: str) -> str:
            return self.release + suffix

    with worker_a.build():
        assert Image().base("-1") == "9.6-1"
    assert worker_a.story() == [(10, "completed", "never_completed")]


def test_code_can_be_left_out_of_what_counts(worker_a: Any, ran: Any) -> None:
    def first() -> int:
        ran(20)
        return 1

    def second() -> int:
        ran(20)
        return 1 + 0

    for function, code in ((first, "ignore"), (second, "ignore"), (first, "own")):
        with worker_a.build():
            milestone(state=20, kind="effect", code=code)(function)()
    assert ran.since() == [20]
    assert worker_a.history()[0].fingerprint == {}
    with pytest.raises(InvalidInput, match="code of first is 'none'; use own or ignore"):
        milestone(state=20, code="none")(first)


@pytest.fixture
def registered() -> set[str]:
    """What exists in the world."""
    return set()


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_a_probe_that_says_no_has_the_effect_done_again(
    worker_a: Any, worker_b: Any, registered: set[str], *, is_async: bool
) -> None:
    @milestone(state=60, kind="effect")
    def register() -> Handle:
        ami = f"ami-{len(worker_a.history())}"
        registered.add(ami)
        return Handle("image", ami)

    if is_async:

        @register.probe
        async def still_there(ami: Handle) -> bool:
            await asyncio.sleep(0)
            return ami.id in registered

    else:

        @register.probe
        def is_there(ami: Handle) -> bool:
            return ami.id in registered

    for worker in (worker_a, worker_b):
        with worker.build():
            assert register.with_options(retries=1)().id == "ami-1"
    registered.clear()
    with worker_b.build():
        assert register().id == "ami-2"
    assert [each[:2] for each in worker_a.story()] == [(60, "completed")] * 2


def test_a_probe_that_cannot_tell_stops_the_pass_and_nothing_is_run(
    worker_a: Any, ran: Any
) -> None:
    @milestone(state=60, kind="effect")
    def register() -> Handle:
        ran(60)
        return Handle("image", "ami-0")

    @register.probe
    def is_there(_: Handle) -> bool:
        raise ConnectionError("no route to host")

    with worker_a.build():
        register()
        with pytest.raises(ConnectionError, match="no route"):
            register()
    assert ran.since() == [60]
    assert len(worker_a.history()) == 1
