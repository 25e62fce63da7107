"""The page says of each row what the tests show."""

import re
from pathlib import Path

import pytest

from buildstate_worker.inputs.words.presets import PRESETS

from .code_rows import CODE
from .file_rows import FILES
from .rows import Row
from .shell_row import ShellRow
from .shell_rows import FOLDERS, WORDS
from .shell_told_rows import STDIN, TOLD, TOOLS
from .value_rows import VALUES

PAGE = Path(__file__).parents[2] / "docs/explanation/what-counts.md"


@pytest.mark.parametrize(
    ("title", "rows"),
    [
        ("The code of a milestone", CODE),
        ("What it is called with", VALUES),
        ("What it reads", FILES),
        ("The words of a command", WORDS),
        ("The folders that a command names", FOLDERS),
        ("What a call of `bldst run` is told", TOLD),
        ("What a command is fed with", STDIN),
        ("What tools read without being told", TOOLS),
    ],
)
def test_the_page_has_each_row_and_no_other(title: str, rows: tuple[Row | ShellRow, ...]) -> None:
    said = re.findall(r"^\| (.+) \| (.+) \|$", section(title), re.MULTILINE)[1:]
    assert said == [(row.what, str(row.seen)) for row in rows]


def test_the_page_has_each_file_that_a_known_tool_reads() -> None:
    said: dict[str, list[str]] = {}
    for row in section("The tools that are known").splitlines():
        tools, files, *_ = (re.findall("`(.+?)`", each) for each in row.split("|")[1:] or [""] * 2)
        for tool in tools:
            said.setdefault(tool, []).extend(files)
    assert said == {
        tool: [pattern for preset in presets for pattern in preset.patterns]
        for tool, presets in PRESETS.items()
    }


def section(title: str) -> str:
    """Return a section of the page."""
    return PAGE.read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]
