"""The flags of `bldst run`: artifacts, paths to restore, and pairs."""

from pathlib import Path
from typing import Any

import pytest

from buildstate_cli.run.call import flags as running_flags
from buildstate_cli.validation import pairs
from buildstate_core.errors import InvalidInput

HERE = Path("/somewhere/work")


class TestFlags:
    @pytest.mark.parametrize(
        ("text", "name", "place"),
        [
            ("out/image.qcow2", "image.qcow2", "out/image.qcow2"),
            ("disk=out/image.qcow2", "disk", "out/image.qcow2"),
            ("out/tree/", "tree", "out/tree"),
            ("./out/../image.raw", "image.raw", "image.raw"),
            ("/somewhere/work/out/image.raw", "image.raw", "out/image.raw"),
            ("../image.raw", "image.raw", None),
            ("größe.img", "gro-e.img", "größe.img"),
            ("日本", "artifact", "日本"),
            ("a" * 200, "a" * 128, "a" * 200),
            ("/mnt/images/base.qcow2", "base.qcow2", None),
            ("x=a=b", "x", "a=b"),
        ],
    )
    def test_an_artifact_is_named_for_its_file_and_keeps_its_place(
        self, text: str, name: str, place: str | None
    ) -> None:
        [blob] = running_flags.blobs([text], HERE)
        assert (blob.name, None if blob.place is None else str(blob.place)) == (name, place)

    @pytest.mark.parametrize("text", ["", "=", "name=", "=path", "a b=path", "a/b=c"])
    def test_an_artifact_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidInput, match="use PATH or NAME=PATH"):
            running_flags.blobs([text], HERE)

    def test_two_artifacts_of_one_name_are_refused(self) -> None:
        with pytest.raises(InvalidInput, match="another one is named image, too"):
            running_flags.blobs(["a/image", "b/image"], HERE)

    @pytest.mark.parametrize("path", [".", "..", "out/..", "/somewhere/work", "/", "../../."])
    def test_the_working_directory_itself_is_neither_made_nor_restored(self, path: str) -> None:
        with pytest.raises(InvalidInput, match="inside the working directory"):
            running_flags.blobs([f"all={path}"], HERE)
        with pytest.raises(InvalidInput, match="inside the working directory"):
            running_flags.restores([f"10={path}"], HERE, below=25)

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("10", (10, None, None)),
            ("10:disk", (10, "disk", None)),
            ("10=out/d", (10, None, "out/d")),
            ("10:disk=../d=1", (10, "disk", "../d=1")),
            ("0", (0, None, None)),
        ],
    )
    def test_a_restore_names_a_state_an_artifact_and_a_path(self, text: str, found: Any) -> None:
        [restore] = running_flags.restores([text], HERE, below=25)
        assert (restore.state, restore.name, restore.path) == found

    @pytest.mark.parametrize("text", ["", "x", "10:", "10=", ":disk", "-1", "101", "1000", "10.5"])
    def test_a_restore_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidInput, match="--restore is"):
            running_flags.restores([text], HERE, below=100)

    @pytest.mark.parametrize("state", [25, 26])
    def test_only_an_earlier_state_can_be_restored(self, state: int) -> None:
        with pytest.raises(InvalidInput, match="only a state before 25"):
            running_flags.restores([str(state)], HERE, below=25)

    def test_params_are_keys_and_values(self) -> None:
        assert pairs(["a=1", "b=", "c=d=e"], flag="--param") == {
            "a": "1",
            "b": "",
            "c": "d=e",
        }

    @pytest.mark.parametrize("texts", [["a"], ["=1"], [""], ["a=1", "a=2"]])
    def test_params_that_are_none_are_refused(self, texts: list[str]) -> None:
        with pytest.raises(InvalidInput, match="--param"):
            pairs(texts, flag="--param")
