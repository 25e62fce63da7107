"""Which files are the user's own, wherever they lie."""

import importlib
import importlib.util
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from buildstate_worker.fingerprint.code import Code, code_of

CodeOf = Callable[[Mapping[str, str]], Code]
Load = Callable[[Mapping[str, str]], ModuleType]

PIPELINE = "from helpers import fix\ndef harden(x): return fix(x)\n"


def test_a_folder_beside_the_project_counts(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "helpers.py").write_text("def fix(x): return x\n")
    monkeypatch.syspath_prepend(tmp_path / "shared")
    module = load({"pipeline.py": PIPELINE, "pyproject.toml": ""})
    assert code_of(module.harden).parts.keys() == {"helpers.fix", "pipeline.harden"}
    del sys.modules["helpers"]


@pytest.mark.parametrize("folder", ["lib/site-packages", "venv/lib"])
def test_an_installed_package_does_not_count(
    folder: str, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "project" / folder
    installed.mkdir(parents=True)
    (tmp_path / "project/venv").mkdir(exist_ok=True)
    (tmp_path / "project/venv/pyvenv.cfg").touch()
    (installed / "helpers.py").write_text("def fix(x): return eval(x)\n")
    monkeypatch.syspath_prepend(installed)
    module = load({"pipeline.py": PIPELINE})
    assert code_of(module.harden).parts.keys() == {"pipeline.harden"}
    del sys.modules["helpers"]


def test_an_installed_function_makes_its_own_package_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "ours"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "steps.py").write_text(
        "from ours.helpers import fix\nimport others\ndef harden(x): return fix(others.fix(x))\n"
    )
    (package / "helpers.py").write_text("def fix(x): return x\n")
    (package.parent / "others.py").write_text("def fix(x): return x\n")
    monkeypatch.syspath_prepend(package.parent)
    steps = importlib.import_module("ours.steps")
    assert code_of(steps.harden).parts.keys() == {"ours.helpers.fix", "ours.steps.harden"}
    for name in ("ours", "ours.steps", "ours.helpers", "others"):
        del sys.modules[name]


def test_a_project_that_is_reached_through_a_link_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "pipeline.py").write_text(
        "from pathlib import Path\nHERE = Path(__file__).parent / 'a'\ndef harden(): return HERE\n"
    )
    (tmp_path / "link").symlink_to(tmp_path / "real")
    say = (
        "import pipeline; from buildstate_worker.fingerprint.code import code_of;"
        " print(code_of(pipeline.harden).digest)"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", say],
            env={"PYTHONPATH": str(tmp_path / name)},
            check=True,
            capture_output=True,
        ).stdout
        for name in ("real", "link")
    }
    assert len(found) == 1


def test_a_name_from_a_star_import_is_followed_to_where_it_is_made(code_in: CodeOf) -> None:
    files = {
        "pipeline.py": "from clients import *\ndef harden(x): return log\n",
        "clients.py": "import logging\nNAME = 'a'\nlog = logging.getLogger(NAME)\n",
    }
    found = code_in(files)
    assert found.parts.keys() == {"clients.NAME", "clients.log", "pipeline.harden"}
    changed = files | {"clients.py": files["clients.py"].replace("'a'", "'b'")}
    assert code_in(changed) != found


def test_a_module_with_names_made_on_demand_counts_the_function_that_makes_them(
    load: Load,
) -> None:
    module: Any = load(
        {
            "pipeline.py": "import lazy\ndef harden(x): return lazy.thing\n",
            "lazy.py": "def __getattr__(name): return 1\n",
        }
    )
    assert {"lazy.__getattr__", "lazy (module)"} <= code_of(module.harden).parts.keys()


@pytest.mark.parametrize("name", ["pipeline_by_path", "json"])
def test_a_script_that_is_not_registered_by_its_name_has_its_classes(
    name: str, tmp_path: Path
) -> None:
    text = (
        "from enum import Enum\nclass Color(Enum):\n    RED = 1\nclass A:\n    level = 1\n"
        "def harden(): return Color.RED, A()\n"
    )

    def measure(text: str) -> Code:
        path = tmp_path / f"{len(text)}" / "pipeline.py"
        path.parent.mkdir()
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module: Any = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return code_of(module.harden)

    first = measure(text)
    assert first.parts.keys() == {"pipeline.A", "pipeline.Color", "pipeline.harden"}
    assert measure(text.replace("RED = 1", "RED = 2 ")).parts != first.parts
    assert measure(text.replace("level = 1", "level = 333")).parts != first.parts
