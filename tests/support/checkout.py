"""A checkout of a project, as a machine has it."""

from collections.abc import Mapping
from pathlib import Path


def bring(folder: Path, files: Mapping[str, str]) -> None:
    """Have just these files in a folder, and touch only what is different."""
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
