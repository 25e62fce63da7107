"""All ways in which a command may depend on something, each with both answers.

What changed runs, for the right reason, or is refused; what only looks changed is skipped: on the
same machine, and by another worker, in another folder, with another umask and locale.
"""

import os
from collections.abc import Callable

import pytest

from .rows import UNSEEN, Seen
from .shell_row import ShellRow
from .shell_rows import FOLDERS, WORDS
from .shell_told_rows import STDIN, TOLD, TOOLS
from .shells import Called, Shell, prepared

ROWS = (*WORDS, *FOLDERS, *TOLD, *STDIN, *TOOLS)
CAN_RUN = [row for row in ROWS if row.seen is not Seen.REFUSED]
REFUSED = [row for row in ROWS if row.seen is Seen.REFUSED]

MakeShell = Callable[[str], Shell]


def called(shell: Shell, row: ShellRow, value: str = "1", line: str | None = None) -> Called:
    return shell.call(
        line or row.line_with(value),
        stdin=row.stdin,
        pipe=None if row.pipe is None else row.pipe.replace("@@", value),
        environ=row.environ_with(value),
    )


@pytest.mark.parametrize("row", CAN_RUN, ids=lambda row: row.what)
def test_what_only_looks_changed_is_skipped_and_what_changed_runs(
    shell: MakeShell, row: ShellRow
) -> None:
    one = prepared(shell("one"), row)
    assert called(one, row).reason == "never_completed"
    one.sh(row.alike)
    assert called(one, row).reason == UNSEEN

    umask = os.umask(0o077)
    other = prepared(shell("another one/ with blanks"), row)
    os.umask(umask)
    other.sh(row.alike)
    elsewhere = {"LC_ALL": "POSIX", "TZ": "Pacific/Auckland", **row.environ_with("1")}
    line = row.alike_line or row.line
    again = other.call(
        line.replace("@@", "1"),
        stdin=row.stdin,
        pipe=None if row.pipe is None else row.pipe.replace("@@", "1"),
        environ=elsewhere,
    )
    assert again.reason == UNSEEN, again.err

    one.write(row.project("2"))
    one.sh(row.change)
    changed = called(one, row, "2")
    assert (changed.reason, changed.code) == (row.says, 0), changed.err


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.what)
def test_what_nobody_can_compare_is_refused(shell: MakeShell, row: ShellRow) -> None:
    refused = called(prepared(shell("one"), row), row)
    assert (refused.reason, refused.code) == (row.says, 2)


def test_each_row_is_about_something_else() -> None:
    assert len({row.what for row in ROWS}) == len(ROWS)
