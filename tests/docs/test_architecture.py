"""ARCHITECTURE.md names every folder that exists, and nothing that does not."""

import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
_FOLDER = re.compile(r"`([\w./-]+)/`")
_FILE = re.compile(r"`(\w+/[\w./]+\.py)`")


def tracked_folders() -> set[str]:
    """Return the folders of the packages, and the others down to two levels."""
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    folders = {
        str(folder)
        for file in files
        for folder in PurePosixPath(file).parents
        if folder != PurePosixPath()
    }
    return {each for each in folders if each.startswith("buildstate_") or each.count("/") < 2}


def test_the_page_names_every_folder() -> None:
    assert tracked_folders() - set(_FOLDER.findall(PAGE)) == set()


def test_every_folder_that_the_page_names_exists() -> None:
    assert set(_FOLDER.findall(PAGE)) - tracked_folders() == set()


@pytest.mark.parametrize("file", sorted(set(_FILE.findall(PAGE))))
def test_every_file_that_the_page_names_by_its_path_exists(file: str) -> None:
    named = [*ROOT.glob(file), *ROOT.glob(f"buildstate_*/**/{file}")]
    assert named
