"""The page says of each row what the tests show."""

import re
from pathlib import Path

import pytest

from .code_rows import CODE
from .file_rows import FILES
from .rows import Row
from .value_rows import VALUES

PAGE = Path(__file__).parents[2] / "docs/explanation/what-counts.md"


@pytest.mark.parametrize(
    ("title", "rows"),
    [
        ("The code of a milestone", CODE),
        ("What it is called with", VALUES),
        ("What it reads", FILES),
    ],
)
def test_the_page_has_each_row_and_no_other(title: str, rows: tuple[Row, ...]) -> None:
    section = PAGE.read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]
    said = re.findall(r"^\| (.+) \| (.+) \|$", section, re.MULTILINE)[1:]
    assert said == [(row.what, str(row.seen)) for row in rows]
