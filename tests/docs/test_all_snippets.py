"""No page has a snippet that no test runs. `sh`, `py` and `text` blocks only show something."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from .snippets import ROOT

TESTS = [
    file.read_text()
    for file in sorted((ROOT / "tests").rglob("test_*.py"))
    if "node_modules" not in file.parts and file.name != Path(__file__).name
]


def pages_with_snippets() -> Iterator[Path]:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        tokens = MarkdownIt().parse(page.read_text())
        if any(each.type == "fence" and each.info in {"bash", "python"} for each in tokens):
            yield page.relative_to(ROOT)


PAGES = list(pages_with_snippets())


def test_pages_have_snippets() -> None:
    assert Path("docs/tutorials/quickstart-shell.md") in PAGES


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_a_page_with_snippets_has_a_test(page: Path) -> None:
    """Which names its path; or, if it is of several pages, their folder and its name."""
    parts = (f'"{page.parent.as_posix()}/{{', f'"{page.stem}"')
    assert any(page.as_posix() in test or all(each in test for each in parts) for test in TESTS)
