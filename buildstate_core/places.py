"""Places in a workspace that no artifact may have: what lies there is obeyed by tools.

Whoever has a key can record an artifact. If one could be put into `.git/hooks`, or into the memory
of `bldst run`, its maker could run commands on other people's workers. Standard library only.
"""

from typing import Final

CONTROL_FOLDERS: Final = frozenset(
    {
        ".bldst",
        ".git",
        ".hg",
        ".svn",
        ".bzr",
        ".ssh",
        ".gnupg",
        ".github",
        ".gitlab",
        ".circleci",
        ".buildkite",
        ".husky",
        ".devcontainer",
        ".vscode",
        ".idea",
        ".direnv",
    }
)
"""Folders whose files a tool runs or believes without being asked to."""


def control_folder(path: str) -> str | None:
    """Return the part of a path that is a folder of some tool's own, or `None`.

    >>> control_folder("src/.git/hooks/pre-commit"), control_folder(".GIT/config")
    ('.git', '.GIT')
    >>> control_folder("out/.cache/image.qcow2")
    """
    parts = path.replace("\\", "/").split("/")
    return next((each for each in parts if _plain(each) in CONTROL_FOLDERS), None)


def _plain(part: str) -> str:
    """Return a part as the most forgiving of file systems compares it."""
    return part.strip().rstrip(".").casefold()
