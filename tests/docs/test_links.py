"""Links of every Markdown page, also of those that `make docs` does not see, lead somewhere."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt

from .snippets import ROOT

PAGES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if (ROOT / name).is_file()
)

NOT_YET_WRITTEN = {ROOT / "ARCHITECTURE.md"}
"""What may be linked to before it is there."""


def links(page: Path) -> Iterator[str]:
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text()):
        for inner in token.children or ():
            target = inner.attrs.get("href") or inner.attrs.get("src")
            if target is not None:
                yield str(target)


@cache
def anchors(page: Path) -> set[str]:
    """The names that headings get where the repository is hosted."""
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(page.read_text())
    titles = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for link in links(page):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme in {"http", "https"}, link
            assert parts.hostname, link
            continue
        target = page if not parts.path else (page.parent / parts.path).resolve()
        assert target.exists() or target in NOT_YET_WRITTEN, f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        if parts.fragment:
            assert parts.fragment in anchors(target), f"{link} names no heading"


NAMED = re.compile(r"(?<![\w/.-])docs/[\w./-]+\.md")
NAMERS = [ROOT / "CHANGELOG.md"] + [
    file
    for folder in ("buildstate_*", "tests", "examples", "benchmarks")
    for file in sorted(ROOT.glob(f"{folder}/**/*.py"))
]


def test_a_page_that_code_or_the_changelog_names_exists() -> None:
    named = {(file, name) for file in NAMERS for name in NAMED.findall(file.read_text())}
    assert named
    assert [(str(file), name) for file, name in named if not (ROOT / name).is_file()] == []
