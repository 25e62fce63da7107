"""What `bldst artifact pull` takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Service, image

from buildstate_core.models import Build

from .pushing import push

Bldst = Callable[..., Any]


@pytest.fixture
def service(module_service: Service) -> Service:
    return module_service


@pytest.fixture
def pull(
    bldst: Bldst, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """Pull what state 25 left, in a workspace that is the current folder."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    monkeypatch.chdir(workspace)
    return lambda *flags: bldst("artifact", "pull", str(build.number), "25", *flags)


@pytest.fixture
def pushed(bldst: Bldst, build: Build, tmp_path: Path) -> Any:
    return push(bldst, build, tmp_path / "image.raw")


def files_here() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def test_what_an_earlier_attempt_left_is_not_mixed_in(
    pull: Callable[..., Any], service: Service, build: Build, tmp_path: Path
) -> None:
    def left(content: str, *names: str) -> None:
        records = []
        for name in names:
            path = tmp_path / f"{content}-{name}"
            path.write_text(content)
            records.append(image(name, content, uri=path.as_uri(), storage_type="file"))
        digest = {"first": "a", "second": "b"}[content] * 64
        service.complete(service.claim(build, 25, fingerprint={"code": digest}), *records)

    left("first", "a", "b")
    assert pull().code == 0
    assert files_here() == ["a", "b"]
    Path("b").unlink()
    left("second", "a")
    pulled = pull("-o", "json")
    assert [each["name"] for each in pulled.data] == ["a"]
    assert (Path("a").read_text(), files_here()) == ("second", ["a"])
    assert pull("--name", "b").code == 3


def test_what_is_pushed_later_belongs_to_the_newest_attempt(
    pull: Callable[..., Any], bldst: Bldst, build: Build, tmp_path: Path
) -> None:
    for name in ("a.raw", "b.raw"):
        push(bldst, build, tmp_path / name)
    assert pull().code == 0
    assert files_here() == ["a.raw", "b.raw"]


def test_that_nothing_can_be_downloaded_is_an_error(
    pull: Callable[..., Any], bldst: Bldst, build: Build, tmp_path: Path
) -> None:
    ami = ("--uri", "ami-0abc", "--name", "ami", "--storage-type", "ami")
    assert bldst("artifact", "create", str(build.number), "25", *ami).code == 0
    alone = pull()
    assert (alone.code, alone.out) == (2, "")
    assert "nothing that can be downloaded from here: ami is a handle of type ami" in alone.err

    push(bldst, build, tmp_path / "image.raw")
    assert pull("--name", "ami").code == 2
    beside = pull("--to", "image")
    assert (beside.code, files_here()) == (0, ["image"])
    assert "ami is not bytes that can be moved from here: handle ami-0abc" in beside.err


def test_a_storage_out_of_reach_has_the_exit_code_that_a_push_has(
    pull: Callable[..., Any], service: Service, bldst: Bldst, pushed: Any
) -> None:
    service.query(
        "UPDATE artifacts SET uri = replace(uri, 'storage', 'not-mounted') WHERE id = %s",
        pushed["id"],
    )
    for answer in (
        pull(),
        bldst("artifact", "copy", pushed["id"], Path("copy").absolute().as_uri()),
    ):
        assert (answer.code, files_here()) == (6, [])
        assert "it may well be there" in answer.err
