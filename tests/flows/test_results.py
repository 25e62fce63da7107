"""What a milestone returns comes back the same from a rerun on another worker."""

import gc
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_core.models import ArtifactRecord, Report
from buildstate_flows import Artifact, Handle, current_build, milestone

A_FOLDER = {"etc/hostname": "here\n", "etc/ssh/sshd_config": "PermitRootLogin no\n"}


def make_folder(within: Path = Path()) -> Path:
    for name, content in A_FOLDER.items():
        path = within / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return within / "tree"


def make_several() -> dict[str, Path]:
    for folder in ("a", "b"):
        Path(folder).mkdir(exist_ok=True)
        (Path(folder) / "image.raw").write_text(folder)
    return {"disk": Path("a/image.raw"), "boot": Path("b/image.raw")}


def make_one_by_name() -> dict[str, Path]:
    return {"disk": make_several()["disk"]}


def read(result: Any) -> Any:
    """Give what a result is, with the content of files."""
    if isinstance(result, Artifact):
        if result.is_dir():
            files = (each for each in Path(result).rglob("*") if each.is_file())
            return {str(each.relative_to(result)): each.read_text() for each in files}
        return (Path(result).name, result.read_text())
    if isinstance(result, dict):
        return {name: read(each) for name, each in result.items()}
    return result


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(make_folder, A_FOLDER, id="a folder"),
        pytest.param(
            make_several,
            {"disk": ("image.raw", "a"), "boot": ("image.raw", "b")},
            id="several paths by name",
        ),
        pytest.param(make_one_by_name, {"disk": ("image.raw", "a")}, id="one path by name"),
        pytest.param(
            lambda: Handle("image", "ami-0abc", region="eu-west-1", tags=["x"]),
            Handle("image", "ami-0abc", region="eu-west-1", tags=["x"]),
            id="a handle",
        ),
        pytest.param(lambda: {"passed": [1, 2.5, None]}, {"passed": [1, 2.5, None]}, id="data"),
        pytest.param(lambda: "a/path/in/words", "a/path/in/words", id="a string is a value"),
        pytest.param(lambda: (1, 2), [1, 2], id="a tuple is a list from the first run on"),
        pytest.param(dict, {}, id="an empty dict"),
        pytest.param(lambda: None, None, id="nothing"),
    ],
)
def test_a_rerun_gives_what_the_first_run_gave(
    worker_a: Any, worker_b: Any, ran: Any, make: Any, expected: Any
) -> None:
    @milestone(state=20, kind="effect")
    def make_it() -> Any:
        ran(20)
        return make()

    with worker_a.build():
        assert read(make_it()) == expected
    with worker_b.build():
        assert read(make_it()) == expected
    assert ran.since() == [20]


@pytest.mark.parametrize(
    ("result", "says"),
    [
        pytest.param(object(), "an object", id="an object"),
        pytest.param({"a": Path("a"), "b": 1}, "'b' is an int", id="a mixed dict"),
        pytest.param({"a b": Path("a")}, "'a b'", id="a bad name"),
        pytest.param([Path("a")], "a list", id="a list of paths"),
        pytest.param(float("nan"), "a float", id="no JSON number"),
        pytest.param(Handle("AMI!", "x"), "AMI!", id="a bad kind of handle"),
    ],
)
def test_what_cannot_be_recorded_fails_the_attempt_and_says_what_to_return(
    worker_a: Any, result: Any, says: str
) -> None:
    @milestone(state=20)
    def make_it() -> Any:
        return result

    with worker_a.build(), pytest.raises(InvalidInput, match=says):
        make_it()
    assert worker_a.story() == [(20, "failed", "never_completed")]


def test_a_lazy_artifact_is_a_path_to_everything_that_takes_one(
    worker_a: Any, worker_b: Any
) -> None:
    @milestone(state=20)
    def make_it() -> Path:
        return make_folder()

    with worker_a.build():
        make_it()
    with worker_b.build() as build:
        tree = make_it()
        assert (tree.state, tree.lane, tree.name) == (20, "", "tree")
        assert build.downloads == ()
        assert [each.name for each in tree.iterdir()] == ["etc"]
        assert (tree / "etc/hostname").read_text() == "here\n"
        assert subprocess.check_output(["cat", f"{tree}/etc/hostname"], text=True) == "here\n"
        assert not hasattr(tree, "no_such_thing")
        assert len(build.downloads) == 1


@pytest.mark.parametrize("is_read_before", [True, False])
def test_an_artifact_is_readable_after_the_block_in_a_first_and_a_resumed_run_alike(
    worker_a: Any, worker_b: Any, *, is_read_before: bool
) -> None:
    @milestone(state=20)
    def make_it() -> Path:
        return make_folder(current_build().workdir)

    for worker in (worker_a, worker_b):
        with worker.build() as build:
            tree = make_it()
            folder = build.workdir
            if is_read_before:
                assert (tree / "etc/hostname").exists()
        assert not folder.exists()
        shutil.copytree(tree, "copy")
        assert (tree / "etc/hostname").read_text() == "here\n"
        assert not folder.exists()


def test_what_was_read_after_the_block_is_removed_with_it(worker_a: Any) -> None:
    @milestone(state=20)
    def make_it() -> Path:
        return make_folder(current_build().workdir)

    with worker_a.build():
        tree = make_it()
    place = Path(tree)
    assert place.exists()
    del tree
    gc.collect()
    assert not place.exists()


def test_the_pass_folder_is_removed_at_the_end_unless_it_is_ones_own(
    worker_a: Any, tmp_path: Path
) -> None:
    @milestone(state=20)
    def make_it() -> Path:
        path = current_build().workdir / "made.raw"
        path.write_text("made")
        return path

    with worker_a.build() as build:
        assert make_it().read_text() == "made"
        assert build.workdir.exists()
        folder = build.workdir
    assert not folder.exists()
    with worker_a.build(workdir=tmp_path / "own") as build:
        assert make_it().read_text() == "made"
    assert (tmp_path / "own/state-20/made.raw").read_text() == "made"


def test_a_record_without_a_transfer_is_handed_on_as_it_is(worker_a: Any) -> None:
    @milestone(state=20)
    def make_it() -> Path:
        raise AssertionError

    @milestone(state=30)
    def use_it(volume: Any) -> str:
        return volume.uri

    with worker_a.build() as build:
        record = ArtifactRecord(storage_type="ceph", uri="rbd:pool/image@snap")
        report = Report(state=20, status="completed", artifacts=(record,))
        worker_a.service.client.report(build.number, report)
        assert use_it(make_it()) == "rbd:pool/image@snap"


def test_a_unit_test_calls_the_plain_function() -> None:
    @milestone(state=20)
    def make_it(text: str) -> str:
        return text.upper()

    assert make_it.fn("a") == "A"


def test_what_cannot_be_a_milestone_is_refused_where_it_is_written() -> None:
    with pytest.raises(InvalidInput, match="is a generator"):

        @milestone(state=20)
        def several() -> Iterator[int]:
            yield 1

    with pytest.raises(InvalidInput, match="from 0 to 100"):
        milestone(state=101)(make_folder)
    with pytest.raises(InvalidInput, match="is 'stp'; use one of checkpoint"):
        milestone(state=20, kind="stp")(make_folder)
    with pytest.raises(InvalidInput, match="the only cache"):
        milestone(state=20, cache_key_fn=lambda *_: "x")(make_folder)


def test_a_bad_build_names_the_field(worker_a: Any) -> None:
    with pytest.raises(InvalidInput, match='platform is ""') as caught, worker_a.build(platform=""):
        pass
    assert caught.value.field == "platform"
