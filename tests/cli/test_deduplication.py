"""Bytes that a project has already: copied within its storage, if a copy is worth having."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from support import Service

from buildstate_core.models import Build

Bldst = Callable[..., Any]
CONTENT = b"an image\n" * 100_000


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


@pytest.fixture
def image(bldst: Bldst, build: Build, tmp_path: Path) -> Path:
    assert bldst("project", "update", build.project, "--deduplicate").code == 0
    image = tmp_path / "image.raw"
    image.write_bytes(CONTENT)
    return image


def pushed(bldst: Bldst, build: Build, image: Path, state: int, compression: str) -> Any:
    answer = bldst(
        *("artifact", "push", str(build.number), str(state), str(image)),
        *("--compress", compression, "-o", "json"),
    )
    assert answer.code == 0, answer.err
    return answer.data[0]


def stored(artifact: Any) -> Path:
    return Path(unquote(artifact["uri"].removeprefix("file://")))


def test_a_source_is_taken_as_it_is_stored_if_that_is_all_the_same(
    bldst: Bldst, build: Build, image: Path
) -> None:
    source = pushed(bldst, build, image, 10, "zstd")
    copy = pushed(bldst, build, image, 25, "auto")
    assert copy["packed"] == source["packed"]
    assert stored(copy).read_bytes() == stored(source).read_bytes()


@pytest.mark.parametrize(("before", "wish"), [("zstd", "none"), ("none", "zstd")])
def test_a_source_that_is_stored_otherwise_than_wished_is_not_taken(
    bldst: Bldst, build: Build, image: Path, before: str, wish: str
) -> None:
    pushed(bldst, build, image, 10, before)
    copy = pushed(bldst, build, image, 25, wish)
    assert (copy["packed"] is not None) == (wish == "zstd")
    assert (stored(copy).read_bytes() == CONTENT) == (wish == "none")


def test_a_damaged_source_is_not_spread_but_quarantined(
    bldst: Bldst, build: Build, image: Path
) -> None:
    source = pushed(bldst, build, image, 10, "none")
    stored(source).chmod(0o600)
    stored(source).write_bytes(b"A" + CONTENT[1:])
    copy = pushed(bldst, build, image, 25, "none")
    assert stored(copy).read_bytes() == CONTENT
    assert bldst("artifact", "show", source["id"], "-o", "json").data["status"] == "quarantined"


def test_a_source_that_is_not_on_this_disk_is_left_as_it_is(
    bldst: Bldst, build: Build, image: Path
) -> None:
    source = pushed(bldst, build, image, 10, "none")
    stored(source).unlink()
    copy = pushed(bldst, build, image, 25, "none")
    assert stored(copy).read_bytes() == CONTENT
    assert bldst("artifact", "show", source["id"], "-o", "json").data["status"] == "available"
