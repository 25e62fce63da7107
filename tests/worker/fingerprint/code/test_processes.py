"""One project, one digest: in every process, on every version of Python that is here."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import buildstate_core
from buildstate_worker.fingerprint.code import Code

TEXT = '''
import functools
import logging
import re
from abc import ABC, abstractmethod
from collections import namedtuple
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, IntFlag
from pathlib import Path
from typing import Protocol

log = logging.getLogger(__name__)
NAMES = {"a", "b", "c", "d", b"e", 1, (2, "x")}
HERE = Path(__file__).parent
ODD = re.compile("ä+"), Decimal("1.0"), 1.5, frozenset({1, 2}), {"ü": None}
Old = namedtuple("Old", "a b")
PAIR = [lambda x: 1, lambda x: 2]

class Color(Enum):
    RED = 1

class Shape(Protocol):
    _size: int = 1
    @abstractmethod
    def draw(self) -> int: ...

class Square(Shape, ABC):
    def draw(self): return self._size

class Right(IntFlag):
    READ = 1
    WRITE = 2

@dataclass(frozen=True)
class Options:
    level: int = 2
    def high(self): return [each for each in NAMES if each]

class Tool(Options):
    def __init__(self): super().__init__(3)
    async def run(self):
        async with self as x:
            return {k: v for k, v in x}

def retry(n):
    def wrap(f):
        @functools.wraps(f)
        def wrapper(*args, **kwargs):
            return f(*args, **kwargs), n
        return wrapper
    return wrap

@functools.singledispatch
def kind(x): return 1
@kind.register(int)
def _(x): return 2
@kind.register(str)
def _(x): return 3

@retry(3)
@functools.lru_cache(maxsize=1)
def harden(image: "str", *rest, level: int = 1) -> str:
    """Harden."""
    assert image, "no image"
    import helpers
    total: int = 0
    match image:
        case {"a": [1, *more], **others} if more: total += 1
        case None | Old(a=1): total -= 1
    try:
        with open(HERE / "x") as f: lines = [line async for line in f] if False else (lambda: 1)
    except* (re.error, ValueError) as error:
        raise RuntimeError(f"{error!r:>{level}}" f" and {total=}" "x") from error
    seen = PAIR, Color.RED, Right.READ
    return seen, kind(image), Old(1, 2), Tool(), Square(), ODD, helpers.fix, lines, -0.0
'''.replace("[line async for line in f] if False else ", "")

SAY = """
import json
from buildstate_worker.fingerprint.code.code_of import code_of
import pipeline
print(json.dumps([code_of(pipeline.harden).digest, dict(code_of(pipeline.harden).parts)]))
"""
AS_SCRIPT = """
if __name__ == "__main__":
    import json
    from buildstate_worker.fingerprint.code.code_of import code_of
    print(json.dumps([code_of(harden).digest, dict(code_of(harden).parts)]))
"""
BUILDSTATE = str(Path(buildstate_core.__file__).parents[1])
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
ON_PATH = [shutil.which(f"python3.{minor}") for minor in (11, 12, 13, 14)]
VERSIONS = sorted(
    {each for each in ON_PATH if each and not each.startswith(str(PYENV))}
    | {str(path) for path in (PYENV / "versions").glob("3.1[1-4].*/bin/python")}
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pipeline.py").write_text(TEXT, encoding="utf-8")
    (folder / "helpers.py").write_text("def fix(x): return x\n")
    return folder


def say(
    folder: Path, *words: str, python: str = sys.executable, env: Mapping[str, str] | None = None
) -> tuple[str, dict[str, str]]:
    found = subprocess.run(
        [python, "-B", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": BUILDSTATE, **(env or {})},
        check=True,
        capture_output=True,
        text=True,
    )
    digest, parts = json.loads(found.stdout)
    return digest, parts


@pytest.mark.parametrize(
    ("words", "env"),
    [
        pytest.param(("-c", SAY), {"PYTHONHASHSEED": "1"}, id="a hash seed"),
        pytest.param(("-c", SAY), {"PYTHONHASHSEED": "2"}, id="another hash seed"),
        pytest.param(("-O", "-c", SAY), {}, id="-O"),
        pytest.param(("-OO", "-c", SAY), {}, id="-OO"),
        pytest.param(("-c", SAY), {"LC_ALL": "C", "PYTHONUTF8": "0"}, id="locale"),
        pytest.param(("-X", "no_debug_ranges", "-c", SAY), {}, id="without columns"),
        pytest.param(("pipeline.py",), {}, id="as a script"),
        pytest.param(("-m", "pipeline"), {}, id="as a module"),
    ],
)
def test_every_process_has_the_same(
    words: tuple[str, ...], env: Mapping[str, str], project: Path
) -> None:
    expected = say(project, "-c", SAY, env={"PYTHONHASHSEED": "0"})
    assert {"pipeline.Options", "pipeline.harden", "helpers (module)"} <= expected[1].keys()
    if "-c" not in words:
        (project / "pipeline.py").write_text(TEXT + AS_SCRIPT, encoding="utf-8")
    assert say(project, *words, env=env) == expected


def test_another_folder_has_the_same(project: Path, tmp_path: Path) -> None:
    expected = say(project, "-c", SAY)
    (project / ".git").mkdir()
    assert say(project, "-c", SAY) == expected
    moved = shutil.move(project, tmp_path / "elsewhere" / "checkout 2")
    assert say(Path(moved), "-c", SAY) == expected


@pytest.mark.parametrize("python", VERSIONS)
def test_every_version_of_python_has_the_same(python: str, project: Path) -> None:
    assert say(project, "-c", SAY, python=python) == say(project, "-c", SAY)


def test_a_process_that_has_no_source_gets_the_code_with_the_function() -> None:
    code = Code(digest="a" * 64, parts={"pipeline.harden": "b" * 64})
    assert pickle.loads(pickle.dumps(code)) == code  # noqa: S301 - our own
