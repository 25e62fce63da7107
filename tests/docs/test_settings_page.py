"""The page of settings names every variable that the code reads, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_VARIABLE = re.compile(r"BLDST_[A-Z0-9_]*[A-Z0-9]")


def test_the_page_names_exactly_the_variables_that_the_code_knows() -> None:
    page = set(_VARIABLE.findall((ROOT / "docs/reference/settings.md").read_text()))
    code = {
        name
        for package in ("buildstate_core", "buildstate_cli")
        for source in (ROOT / package).rglob("*.py")
        for name in _VARIABLE.findall(source.read_text())
    }
    assert page == code
