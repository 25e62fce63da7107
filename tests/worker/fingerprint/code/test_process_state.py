"""What a milestone leaves in its process is named, and what it does not touch is not."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_worker.fingerprint.code import ProcessState, code_of

Load = Callable[[Mapping[str, str]], ModuleType]

PIPELINE = """
import os
import sys
import settings
from collections import Counter
CONFIG = {"mirror": ["default"]}
OTHER = []
COUNT = 0
LATE: str
log = __import__("logging").getLogger("a")
class State:
    mirror = "default"
    def __init__(self): self.level = 1
state = State()
def helper(): CONFIG["mirror"].append("eu")
def harden(what):
    global COUNT, LATE
    if what == "container": helper()
    elif what == "global": COUNT += 1
    elif what == "new global": LATE = "eu"
    elif what == "attribute": state.level = 2
    elif what == "class": State.mirror = "eu"
    elif what == "module": settings.MIRROR = "eu"
    elif what == "folder": os.chdir("..")
    elif what == "environment": os.environ["MIRROR"] = "eu"
    elif what == "unset": del os.environ["REGION"]
    elif what == "arguments": sys.argv = ["x"]
    elif what == "ours": os.environ["BLDST_ATTEMPT"] = "1"
    else: log.setLevel(10)
def touch(): OTHER.append(1)
"""


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        pytest.param("container", ["CONFIG in pipeline.py"], id="a container, by a helper"),
        pytest.param("global", ["COUNT in pipeline.py"], id="a global name"),
        pytest.param("new global", ["LATE in pipeline.py"], id="a name that was not there"),
        pytest.param("attribute", ["state in pipeline.py"], id="an attribute of an instance"),
        pytest.param("class", ["State.mirror in pipeline.py"], id="an attribute of a class"),
        pytest.param("module", ["MIRROR in settings.py"], id="a name of another module"),
        pytest.param("folder", ["the working directory"], id="the working directory"),
        pytest.param("environment", ["the environment variable MIRROR"], id="a variable"),
        pytest.param("unset", ["the environment variable REGION"], id="a variable that is unset"),
        pytest.param("arguments", ["the program's arguments (sys.argv)"], id="arguments"),
        pytest.param("ours", [], id="a variable of BuildState"),
        pytest.param("nothing", [], id="nothing"),
    ],
)
def test_what_is_left_in_the_process_is_named(
    what: str,
    changes: list[str],
    load: Load,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REGION", "eu")
    monkeypatch.setenv("MIRROR", "default")
    monkeypatch.setenv("BLDST_ATTEMPT", "0")
    monkeypatch.setattr("sys.argv", ["flow.py"])
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    module: Any = load({"pipeline.py": PIPELINE, "settings.py": "MIRROR = 'default'\n"})
    before = ProcessState.take(module.harden)
    module.harden(what)
    module.touch()
    assert before.changes() == changes


def test_what_becomes_reachable_need_not_be_followed(load: Load) -> None:
    """The work is done by then: nothing may refuse it but what it has left."""
    module: Any = load({"pipeline.py": "HOOK = None\ndef harden(hook): global HOOK; HOOK = hook\n"})
    made: dict[str, Any] = {}
    exec("def hook(): pass", made)  # noqa: S102 - what has no source
    before = ProcessState.take(module.harden)
    module.harden(made["hook"])
    with pytest.raises(InvalidInput, match="has no source"):
        code_of(made["hook"])
    assert before.changes() == ["HOOK in pipeline.py"]


def test_what_belongs_to_the_process_is_anybodys_if_others_run(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = load({"pipeline.py": PIPELINE, "settings.py": ""})
    monkeypatch.setenv("MIRROR", "default")
    before = ProcessState.take(module.harden)
    module.harden("environment")
    module.harden("container")
    assert before.changes(is_alone=False) == ["CONFIG in pipeline.py"]


@pytest.mark.parametrize("what", ["container", "attribute"])
def test_data_counts_as_it_was_when_first_asked_for(what: str, load: Load) -> None:
    module: Any = load({"pipeline.py": PIPELINE, "settings.py": ""})
    first = code_of(module.harden)
    module.harden(what)
    assert code_of(module.harden) == first


def test_so_does_a_container_of_a_closure_or_a_default() -> None:
    def make(calls: list[str]) -> Callable[..., None]:
        def harden(seen: list[str] = calls) -> None:
            calls.append("harden")
            seen.append("seen")

        return harden

    calls: list[str] = []
    first = code_of(make(calls))
    make(calls)()
    assert code_of(make(calls)) == first
    assert code_of(make([])).digest == first.digest
    assert code_of(make(["other"])).digest != first.digest
