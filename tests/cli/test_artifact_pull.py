"""Where `bldst artifact pull` puts things, what it takes, and what it never replaces."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import Service, image

from buildstate_cli.artifact.destination import path_for
from buildstate_cli.run.call import flags as running_flags
from buildstate_cli.run.place import targets
from buildstate_core.models import Artifact, Build

from .uploads import push

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


@pytest.fixture
def pushed_folder(bldst: Bldst, build: Build, tmp_path: Path) -> Any:
    made = tmp_path / "made"
    (made / "rootfs" / "etc").mkdir(parents=True)
    (made / "rootfs" / "etc" / "hostname").write_text("image")
    answer = bldst("artifact", "push", str(build.number), "25", str(made / "rootfs"), "-o", "json")
    assert answer.code == 0, answer.err
    return answer.data[0]


def files_here() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


# --- where it is put -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "of_file", "of_folder"),
    [
        pytest.param(None, "out/disk", "out/disk", id="where it was made"),
        pytest.param("there", "there/disk", "there", id="a folder that is there"),
        pytest.param("there/", "there/disk", "there/disk", id="the same with a slash"),
        pytest.param("new", "new", "new", id="nothing yet"),
        pytest.param("new/", "new/disk", "new/disk", id="nothing yet with a slash"),
        pytest.param("there/file", "there/file", "there/file", id="a file"),
        pytest.param(".", "disk", ".", id="the current folder"),
        pytest.param("..", "../disk", "..", id="the one above"),
        pytest.param("/", "/disk", "/disk", id="the root"),
    ],
)
def test_it_goes_where_cp_would_put_it(
    wanted: str | None,
    of_file: str,
    of_folder: str,
    make_artifact: Callable[..., Artifact],
    tmp_path: Path,
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()
    made_at = {"path": "out/disk"}
    assert path_for(make_artifact(metadata=made_at), wanted, tmp_path) == of_file
    folder = make_artifact(metadata={**made_at, "folder": True})
    assert path_for(folder, wanted, tmp_path) == of_folder


def test_a_restore_to_a_folder_goes_into_it_too(
    make_artifact: Callable[..., Artifact], tmp_path: Path
) -> None:
    (tmp_path / "boot").mkdir()
    kernel = make_artifact(state=10, name="kernel", metadata={"path": "out/vmlinuz"})
    wanted = running_flags.restores(["10:kernel=boot"], tmp_path, below=25)
    assert targets([kernel], wanted, tmp_path) == [(kernel, "boot/vmlinuz")]


@pytest.mark.usefixtures("pushed")
def test_a_folder_that_is_there_keeps_what_is_in_it(pull: Callable[..., Any]) -> None:
    Path("images").mkdir()
    Path("images/mine").touch()
    for to in ("images", "images/", "."):
        assert pull("--to", to).code == 0
    assert files_here() == ["image.raw", "images/image.raw", "images/mine"]


@pytest.mark.usefixtures("pushed_folder")
def test_a_folder_takes_the_place_of_an_empty_one_and_of_itself(pull: Callable[..., Any]) -> None:
    Path("root").mkdir()
    assert pull("--to", "root").code == 0
    before = Path("root").stat().st_ino
    again = pull("--to", "root")
    assert (again.code, "was there already" in again.err) == (0, True)
    assert Path("root").stat().st_ino == before
    assert files_here() == ["root/etc/hostname"]


@pytest.mark.usefixtures("pushed_folder")
def test_where_it_was_made_a_folder_is_replaced(pull: Callable[..., Any]) -> None:
    Path("rootfs").mkdir()
    Path("rootfs/half-changed").touch()
    assert pull().code == 0
    assert files_here() == ["rootfs/etc/hostname"]


# --- what stays ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("pushed_folder")
@pytest.mark.parametrize("to", ["mine", ".", ".."])
def test_a_folder_takes_the_place_of_no_other_that_was_named(
    pull: Callable[..., Any], to: str
) -> None:
    Path("mine").mkdir()
    Path("mine/work").touch()
    refused = pull("--to", to)
    assert (refused.code, files_here()) == (4, ["mine/work"])
    assert f"{to} is a folder that is not empty, and holds something else" in refused.err
    assert pull("--to", "mine/").code == 0
    assert files_here() == ["mine/rootfs/etc/hostname", "mine/work"]


@pytest.mark.usefixtures("pushed")
def test_a_file_takes_the_place_of_no_folder(pull: Callable[..., Any]) -> None:
    Path("image.raw").mkdir()
    Path("image.raw/mine").touch()
    refused = pull()
    assert (refused.code, files_here()) == (4, ["image.raw/mine"])
    assert "image.raw is a folder that is not empty, and the artifact is a file" in refused.err


@pytest.mark.usefixtures("pushed")
def test_nothing_takes_the_place_of_a_pipe(pull: Callable[..., Any]) -> None:
    os.mkfifo("pipe")
    refused = pull("--to", "pipe")
    assert refused.code == 4
    assert "pipe is a pipe, which no artifact replaces" in refused.err
    assert Path("pipe").is_fifo()


# --- what is taken -------------------------------------------------------------------------------


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
