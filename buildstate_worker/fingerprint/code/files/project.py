"""Which files are the user's own, and what their modules are called wherever they lie."""

import os
import sys
import sysconfig
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

_MARKERS: Final = (".git", "pyproject.toml")
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_OURS: Final = frozenset(
    {"buildstate_core", "buildstate_worker", "buildstate_api", "buildstate_flows", "buildstate_cli"}
)
_INIT: Final = "__init__"


class Project:
    """The code that counts for one function.

    That is every file that is not installed: not in the standard library, in `site-packages` or in
    a virtual environment, and not BuildState itself. So a folder beside the project that is on
    `sys.path`, or installed as editable, counts as well: its files are edited like the project's.
    A function that is itself installed makes its own top-level package count.

    Attributes:
        file: The function's file.
        roots: The nearest folder above with `.git` or `pyproject.toml`; else the one that its
            package, or its file, is in. First without links, then as Python names it.
    """

    def __init__(self, file: Path, as_named: Path | None = None) -> None:
        """Find the project of a file.

        Args:
            file: The file, without links on the way to it.
            as_named: The file as Python names it, which may go through links.
        """
        root = _root_of(file.parent)
        depth = len(file.relative_to(root).parts) - 1
        named = as_named or file
        others = [named.parents[depth]] if depth < len(named.parents) else []
        self.roots = tuple(dict.fromkeys([root, *others]))
        self.file = file
        self._package = _package_of(file) if _is_installed(file) else None

    def has(self, file: Path) -> bool:
        """Return whether a file is the user's own."""
        if self._package is not None and file.is_relative_to(self._package):
            return True
        return not _is_installed(file) and (not _is_ours(file) or file.parent == self.file.parent)


@cache
def real(path: str) -> Path:
    """Return a file without links on the way to it."""
    return Path(os.path.realpath(path))


@cache
def module_name(file: Path) -> str:
    """Return what a file's module is called: its package and stem.

    It is the same where the file runs as a script, in which case Python calls it `__main__`.
    """
    names = [] if file.stem == _INIT else [file.stem]
    folder = file.parent
    while _is_package(folder):
        names.append(folder.name)
        folder = folder.parent
    return ".".join(reversed(names)) or folder.name


def _is_package(folder: Path) -> bool:
    # A checkout's folder may be called anything, even if it has an `__init__.py`.
    return (folder / f"{_INIT}.py").is_file() and not _is_marked(folder)


def _is_marked(folder: Path) -> bool:
    return any((folder / each).exists() for each in _MARKERS)


@cache
def _root_of(folder: Path) -> Path:
    marked = next((each for each in (folder, *folder.parents) if _is_marked(each)), None)
    if marked is not None:
        return marked
    while _is_package(folder):
        folder = folder.parent
    return folder


@cache
def _is_installed(file: Path) -> bool:
    if not _INSTALLED.isdisjoint(file.parts):
        return True
    if any(file.is_relative_to(each) for each in _library_folders()):
        return True
    return any((each / "pyvenv.cfg").is_file() for each in file.parents)


@lru_cache(maxsize=1)
def _library_folders() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    return tuple({real(paths[each]) for each in ("stdlib", "platstdlib")})


@cache
def _is_ours(file: Path) -> bool:
    top = module_name(file).partition(".")[0]
    if top not in _OURS:
        return False
    loaded = getattr(sys.modules.get(top), "__file__", None)
    return loaded is not None and file.is_relative_to(real(loaded).parent)


def _package_of(file: Path) -> Path:
    """Return the folder, or the one file, directly below the folder of installed packages."""
    for inner, outer in zip((file, *file.parents), file.parents, strict=False):
        if outer.name in _INSTALLED:
            return inner
    return file
