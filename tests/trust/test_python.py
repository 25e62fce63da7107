"""All ways in which a Python milestone may depend on something, each with both answers.

What changed runs, for the right reason, or is refused; what only looks changed is skipped: on
another machine, in another folder, process, locale, umask, time zone and hash seed.
"""

import pytest

from .code_rows import CODE
from .file_rows import FILES
from .projects import Trust, run_elsewhere
from .rows import UNSEEN, Row, Seen
from .value_rows import VALUES

ROWS = (*CODE, *VALUES, *FILES)
CAN_RUN = [row for row in ROWS if row.seen is not Seen.REFUSED]


@pytest.fixture(scope="module")
def recorded(trust: Trust) -> Trust:
    """All of them have run once, and were run again elsewhere as they were."""
    for row in CAN_RUN:
        assert trust.run(row, row.project("1")) == "never_completed", row.what
    run_elsewhere(trust, CAN_RUN)
    return trust


@pytest.mark.parametrize("row", CAN_RUN, ids=lambda row: row.what)
def test_what_only_looks_changed_is_skipped_and_what_changed_runs(
    recorded: Trust, row: Row
) -> None:
    assert recorded.attempts(row) == ["never_completed"]
    assert recorded.run(row, row.project_that_looks_changed()) == UNSEEN
    assert recorded.run(row, row.project("2")) == row.says


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.seen is Seen.REFUSED], ids=lambda row: row.what
)
def test_what_nobody_can_compare_is_refused(trust: Trust, row: Row) -> None:
    assert trust.run(row, row.project("1")) == row.says


def test_each_row_is_about_something_else() -> None:
    assert len({row.what for row in ROWS}) == len(ROWS)
