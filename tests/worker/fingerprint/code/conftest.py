"""Small projects on the disk, and the code of a function in them."""

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from buildstate_worker.fingerprint.code import Code, code_of

Files = Mapping[str, str]
CodeOf = Callable[[Files], Code]
Loaded = Callable[[Files], ModuleType]


@contextmanager
def fresh_modules(folder: Path) -> Iterator[None]:
    """Find modules in a folder; forget them afterwards."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(folder)):
                del sys.modules[name]


def write(folder: Path, files: Files) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return folder


@pytest.fixture
def code_in(tmp_path: Path) -> CodeOf:
    """Give the code of `harden` in `pipeline.py` of a project with these files."""
    count = iter(range(1000))

    def measure(files: Files) -> Code:
        folder = write(tmp_path / f"checkout{next(count)}", files)
        with fresh_modules(folder):
            return code_of(importlib.import_module("pipeline").harden)

    return measure


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Loaded]:
    """Give the module `pipeline` of a project with these files; it stays loaded for the test."""
    folder = tmp_path / "project"
    with fresh_modules(folder):

        def loaded(files: Files) -> ModuleType:
            write(folder, files)
            return importlib.import_module("pipeline")

        yield loaded
