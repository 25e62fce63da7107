"""Rows for `bldst run`: one for each way in which a command may depend on something.

A row is a line behind `bldst run BUILD --state 25`, in a folder of a few files. As in the rows for
Python, `@@` stands for what changes: it is `1` at first, and `2` afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .rows import UNSEEN, Seen


@dataclass(frozen=True)
class ShellRow:
    """One way to depend on something.

    Attributes:
        what: For people, as the page has it.
        line: What is typed: options, two dashes, the command.
        says: Why it runs when that has changed, or the code of the error.
        files: The files of the folder, by name.
        before: What a shell does there at first.
        change: What a shell does before the call that has to notice.
        alike: What a shell does before the calls that must not; it changes nothing that counts.
        changed_line: What is typed when it has changed, if that is another line.
        alike_line: What is typed by another worker, if that is another line.
        environ: Variables of the environment.
        stdin: The file that it is fed with.
        pipe: What comes through a pipe.
        seen: How it counts.
    """

    what: str
    line: str
    says: str = UNSEEN
    files: Mapping[str, str] = field(default_factory=dict)
    before: str = ""
    change: str = ""
    alike: str = ""
    changed_line: str | None = None
    alike_line: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    stdin: str | None = None
    pipe: str | None = None
    seen: Seen = Seen.BY_ITSELF

    def project(self, value: str) -> dict[str, str]:
        """Return the files with a value in them."""
        return {name: text.replace("@@", value) for name, text in self.files.items()}

    def line_with(self, value: str) -> str:
        """Return the line with a value in it."""
        is_changed = value != "1" and self.changed_line is not None
        return (self.changed_line or "" if is_changed else self.line).replace("@@", value)

    def environ_with(self, value: str) -> dict[str, str]:
        """Return the variables with a value in them."""
        return {name: text.replace("@@", value) for name, text in self.environ.items()}
