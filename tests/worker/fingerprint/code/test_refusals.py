"""Code that cannot be seen, or that is not what is on the disk, is refused."""

import importlib
import linecache
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_worker.fingerprint.code import Code, code_of

CodeOf = Callable[[Mapping[str, str]], Code]
Load = Callable[[Mapping[str, str]], ModuleType]

HELPERS = "def fix(x): return x\nclass Config: level = 1\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("def harden(x): return eval(x)", "pipeline.harden calls eval", id="eval"),
        pytest.param("def harden(x): exec(x)", "pipeline.harden calls exec", id="exec"),
        pytest.param(
            "def fix(x): exec(x)\ndef harden(x): fix(x)", "pipeline.fix", id="in a helper"
        ),
        pytest.param("run = exec\ndef harden(x): run(x)", "pipeline.harden calls", id="alias"),
        pytest.param(
            "import builtins\ndef harden(x): builtins.exec(x)", "calls", id="exec of a module"
        ),
        pytest.param("def harden(x): return map(eval, x)", "calls eval", id="eval handed on"),
        pytest.param(
            "import helpers\ndef harden(x): return getattr(helpers, x)",
            "takes a computed name from helpers",
            id="computed name of a module",
        ),
        pytest.param(
            "import helpers\ndef harden(x): return getattr(helpers.Config, x)",
            "takes a computed name from helpers.Config",
            id="computed name of a class",
        ),
        pytest.param("def harden(x): return __import__(x)", "computed name", id="__import__"),
        pytest.param(
            "import importlib\ndef harden(x): return importlib.import_module(x)",
            "imports by a computed name, with importlib.import_module",
            id="import_module",
        ),
        pytest.param(
            "def harden(x):\n    from importlib import import_module\n    import_module(x)",
            "computed name",
            id="import_module, imported inside",
        ),
        pytest.param("def harden(x): return globals()[x]", "globals", id="globals"),
        pytest.param(
            "M = []\nfor _ in range(9999): M = [M]\ndef harden(x): return M",
            "harden reaches data that is nested too deep",
            id="nested",
        ),
        pytest.param(
            "space = {}\nexec('def harden(x): return 1', space)\nharden = space['harden']",
            "harden has no source",
            id="no source",
        ),
        pytest.param(
            "def harden(x):\n    import bad", "bad calls exec", id="in a module that is imported"
        ),
    ],
)
def test_opaque_code_is_refused_with_the_way_out(text: str, why: str, code_in: CodeOf) -> None:
    files = {"pipeline.py": text, "helpers.py": HELPERS, "bad.py": "def f(x): exec(x)\n"}
    with pytest.raises(InvalidInput) as caught:
        code_in(files)
    assert caught.value.code == "opaque-code"
    assert caught.value.field == "version"
    assert why in caught.value.message
    assert "version=" in str(caught.value.hint)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("def harden(x): return getattr(x, 'a' + 'b')", id="getattr of data"),
        pytest.param("import json\ndef harden(x): return getattr(json, x)", id="installed module"),
        pytest.param(
            "import helpers\ndef harden(helpers, x): return getattr(helpers, x)", id="own name"
        ),
        pytest.param("import re\ndef harden(x): return re.compile(x)", id="compile of a module"),
        pytest.param("def harden(eval): return eval(1)", id="parameter called eval"),
        pytest.param("def unused(x): exec(x)\ndef harden(x): return x", id="not reached"),
    ],
)
def test_what_can_be_seen_is_not_refused(text: str, code_in: CodeOf) -> None:
    assert code_in({"pipeline.py": text, "helpers.py": HELPERS}).digest


def test_an_import_by_a_constant_name_is_followed(code_in: CodeOf) -> None:
    text = "import importlib\ndef harden(x): return importlib.import_module('helpers').fix(x)"
    assert "helpers (module)" in code_in({"pipeline.py": text, "helpers.py": HELPERS}).parts


def test_a_built_in_function_has_no_source() -> None:
    with pytest.raises(InvalidInput, match="len has no source"):
        code_of(len)


def test_a_module_in_c_of_the_project_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: Load
) -> None:
    made = ModuleType("fast")
    made.__file__ = str(tmp_path / "project" / "fast.so")
    monkeypatch.setitem(sys.modules, "fast", made)
    module = load({"pipeline.py": "import fast\ndef harden(x): return fast\n"})
    with pytest.raises(InvalidInput, match=r"uses fast\.so, which is no Python source"):
        code_of(module.harden)


def test_a_file_that_was_edited_since_it_was_loaded_is_refused(load: Load, tmp_path: Path) -> None:
    module = load({"pipeline.py": "import helpers\ndef harden(x): return helpers.fix(x)\n",
                   "helpers.py": HELPERS})  # fmt: skip
    (tmp_path / "project" / "helpers.py").write_text(HELPERS.replace("return x", "return x + 1"))
    with pytest.raises(InvalidInput) as caught:
        code_of(module.harden)
    assert caught.value.code == "code-changed-since-loaded"
    assert "helpers.py has changed since it was loaded" in caught.value.message


def test_a_file_that_only_looks_changed_since_it_was_loaded_is_fine(
    load: Load, tmp_path: Path
) -> None:
    text = 'def harden(x):\n    """Harden."""\n    f = [lambda: 1, lambda: 2]\n    return f\n'
    module = load({"pipeline.py": text})
    (tmp_path / "project" / "pipeline.py").write_text("# New.\n\n" + text.replace("Harden.", "Do."))
    assert code_of(module.harden).parts.keys() == {"pipeline.harden"}


def test_a_file_that_is_edited_after_the_first_claim_counts_as_it_was(
    load: Load, tmp_path: Path
) -> None:
    module = load({"pipeline.py": "def harden(x): return 1\n"})
    before = code_of(module.harden)
    (tmp_path / "project" / "pipeline.py").write_text("def harden(x): return 2\n")
    assert code_of(module.harden) == before


def test_a_module_that_was_loaded_again_counts_as_it_is_now(load: Load, tmp_path: Path) -> None:
    module: Any = load({"pipeline.py": "def harden(x): return 1\n"})
    before = code_of(module.harden)
    (tmp_path / "project" / "pipeline.py").write_text("def harden(x): return 2 + x\n")
    module = importlib.reload(module)
    assert code_of(module.harden).digest != before.digest


def test_what_was_typed_in_counts_where_its_text_is_kept() -> None:
    name, text = "<typed 1>", "def harden(x):\n    return x\n"
    linecache.cache[name] = len(text), None, text.splitlines(keepends=True), name
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, name, "exec"), space)  # noqa: S102 - as an interactive session does
    assert len(code_of(space["harden"]).digest) == 64


def test_functions_that_pytest_has_rewritten_are_not_refused() -> None:
    def harden(x: int) -> int:
        assert x
        return x

    assert code_of(harden).digest
