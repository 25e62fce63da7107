"""Builds that start from a checkpoint of another one."""

from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_flows import build, milestone


@pytest.fixture
def pipeline(ran: Any) -> Any:
    """A common image to 40, then one for a platform; gives what it says and what was downloaded."""

    @milestone(state=10)
    def base() -> Path:
        ran(10)
        return written("base.raw", "base")

    @milestone(state=40)
    def common(image: Path) -> Path:
        ran(40)
        return written("common.raw", image.read_text() + " common")

    @milestone(state=60)
    def platform(image: Path, name: str) -> Path:
        ran(60)
        return written("platform.raw", f"{image.read_text()} on {name}")

    def run(opened: Any, name: str | None = None) -> tuple[str, tuple[int, ...], Any]:
        with opened as this:
            image = common(base())
            if name is not None:
                image = platform(image, name)
            downloads = this.downloads
            return image.read_text(), downloads, this.number

    return run


def written(name: str, content: str) -> Path:
    Path(name).write_text(content)
    return Path(name)


def test_a_derived_build_skips_what_it_inherits_and_uses_the_other_ones_artifact(
    pipeline: Any, worker_a: Any, worker_b: Any, ran: Any
) -> None:
    _, _, parent = pipeline(worker_a.build(platform=None, key="9.6"))
    assert ran.since() == [10, 40]
    for platform in ("azure", "aws"):
        origin = {"derive_from": "rhel-base/9.6", "state": 40}
        text, downloads, number = pipeline(worker_b.build(platform=platform, **origin), platform)
        assert text == f"base common on {platform}"
        assert ran.since() == [60]
        assert downloads == (len("base common"),) or downloads == ()  # the second from its cache
        child = worker_b.service.client.get_build(number)
        assert (child.derived_from, child.derived_state) == (parent, 40)
        # Again: the same build, in which nothing has to run.
        again = pipeline(worker_b.build(platform=platform, **origin), platform)
        assert again[2] == number
        assert ran.since() == []


@pytest.mark.usefixtures("prefect")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket")
def test_a_skipped_task_says_which_build_it_was_done_in(worker_a: Any) -> None:
    @milestone(state=40)
    def common() -> Path:
        return written("common.raw", "common")

    with worker_a.build(key="common") as parent:
        common()
    with worker_a.build(key="own", derive_from=parent.number):
        said = common(return_state=True)
        assert said.name in {"Skipped", "Restored"}
        assert said.message == (
            f"it was done in build {parent.number}, which this one derives from;"
            " compared: code of 2 functions"
        )


def test_a_state_without_a_build_to_derive_from_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no state or lane of its own"), build("x", state=40):
        pass
