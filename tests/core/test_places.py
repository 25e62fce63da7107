"""Places that no artifact may have."""

import pytest

from buildstate_core.places import control_folder


@pytest.mark.parametrize(
    "path",
    [
        ".bldst/journal/0198/_/30.json",
        ".git/hooks/pre-commit",
        "src/.git/config",
        "./.GIT/config",
        ".git./config",
        "out\\.git\\config",
        ".ssh/authorized_keys",
        ".github/workflows/build.yml",
    ],
)
def test_what_some_tool_obeys_is_none(path: str) -> None:
    assert control_folder(path) is not None


@pytest.mark.parametrize(
    "path", ["out/image.qcow2", ".cache/image", ".gitignore", "git/x", "a.git"]
)
def test_all_else_is_one(path: str) -> None:
    assert control_folder(path) is None
