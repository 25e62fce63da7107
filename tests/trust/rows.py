"""Rows: one for each way in which a milestone may depend on something.

A row is a project of a few files, in which `@@` stands for what changes: it is `1` at first, and
`2` afterwards. Its `flow.py` has a `main` that calls its milestones; by default, `make`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from textwrap import dedent
from typing import Final

HEAD: Final = """
from pathlib import Path

from buildstate_flows import build, milestone, workdir


def image(content: object) -> Path:
    path = workdir() / "image.raw"
    path.write_text(f"{content}")
    return path


"""

MAIN: Final = """

def main():
    make()
"""

UNSEEN: Final = "unchanged"
"""The reason of a row whose change is never seen: the page says so."""


class Seen(StrEnum):
    """How a dependency counts."""

    BY_ITSELF = "by itself"
    DECLARED = "when declared"
    NEVER = "never"
    REFUSED = "refused"


@dataclass(frozen=True)
class Row:
    """One way to depend on something.

    Attributes:
        what: For people, as the page has it.
        flow: The text of `flow.py` behind `HEAD`.
        says: Why the milestone runs when it has changed, or the code of the error.
        files: More files of the project, by name.
        seen: How it counts.
        state: The state that runs.
    """

    what: str
    flow: str
    says: str = "recipe_changed:code"
    files: Mapping[str, str] = field(default_factory=dict)
    seen: Seen = Seen.BY_ITSELF
    state: int = 25

    def project(self, value: str) -> dict[str, str]:
        """Give the files of the project with a value in it."""
        own = dedent(self.flow)
        flow = HEAD + own + ("" if "def main(" in own else MAIN)
        files = {name: dedent(text) for name, text in self.files.items()}
        changed = {
            name.replace("@@", value): text.replace("@@", value) for name, text in files.items()
        }
        return {"pyproject.toml": "", "flow.py": flow.replace("@@", value), **changed}

    def project_that_looks_changed(self) -> dict[str, str]:
        """Give the files as they were, with comments and blank lines that change nothing."""
        files = self.project("1")
        return {
            name: f"# A comment.\n\n\n{text}\n\n# Another one.\n" if name.endswith(".py") else text
            for name, text in files.items()
        }
