"""Which changes of input files count, and which do not."""

from pathlib import Path

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_worker.fingerprint.inputs_1 import input_parts_1


class TestInputs:
    def test_content_counts_and_names_and_times_do_not(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("x")
        (tmp_path / "b").write_text("x")
        parts = input_parts_1(["a", "b"], folder=tmp_path)
        assert parts["input:a"] == parts["input:b"]
        (tmp_path / "b").write_text("y")
        assert input_parts_1(["b"], folder=tmp_path)["input:b"] != parts["input:b"]

    def test_a_folder_is_all_that_is_in_it(self, tmp_path: Path) -> None:
        def digest() -> str:
            return input_parts_1(["roles"], folder=tmp_path)["input:roles"]

        (tmp_path / "roles/web").mkdir(parents=True)
        (tmp_path / "roles/web/main.yml").write_text("x")
        seen = [digest()]
        assert digest() == seen[0]
        (tmp_path / "roles/empty").mkdir()
        seen.append(digest())
        (tmp_path / "roles/web/main.yml").write_text("y")
        seen.append(digest())
        (tmp_path / "roles/web/main.yml").rename(tmp_path / "roles/web/other.yml")
        seen.append(digest())
        (tmp_path / "roles/web/other.yml").chmod(0o755)
        seen.append(digest())
        assert len(set(seen)) == 5

    @pytest.mark.parametrize("name", ["missing", "broken", "a/b"])
    def test_a_missing_one_is_an_error(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("x")
        (tmp_path / "broken").symlink_to("nowhere")
        with pytest.raises(InvalidInput, match=f"The input {name} does not exist"):
            input_parts_1([name], folder=tmp_path)

    def test_what_has_no_content_is_an_error_and_does_not_hang(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="neither a file nor a folder"):
            input_parts_1(["/dev/zero"], folder=tmp_path)
