"""What makes a milestone run again: code, inputs, parameters, and what it consumes."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from prefect.blocks.system import Secret
from pydantic import SecretStr

from buildstate_core.errors import InvalidInput
from buildstate_flows import Artifact, milestone

SOURCE = """
from pathlib import Path
from typing import Any
from buildstate_flows import milestone

@milestone(state=10, inputs=["packages.txt"])
def base(release, ran: Any):
    ran(10)
    Path("base.raw").write_text(release)
    return Path("base.raw")

@milestone(state=25)
def baseline(image, level, password, ran: Any):
    ran(25)
    Path("hardened.raw").write_text(image.read_text() + level)
    return Path("hardened.raw")
"""


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], ModuleType]:
    """Import a pipeline as it is written now, as a new process would."""

    def load(source: str) -> ModuleType:
        path = tmp_path / f"pipeline_{uuid4().hex}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def rerun(worker_a: Any, load: Any, ran: Any) -> Callable[..., list[int]]:
    def rerun(
        source: str = SOURCE,
        *,
        release: str = "9.6",
        level: str = "high",
        packages: str = "bash",
        word: str = "a",
    ) -> list[int]:
        (worker_a.folder / "packages.txt").write_text(packages)
        pipeline = load(source)
        with worker_a.build():
            image = pipeline.base(release, ran)
            pipeline.baseline(image, level, SecretStr(word), ran)
        return ran.since()

    rerun()
    return rerun


def test_nothing_changed_reruns_nothing(rerun: Any) -> None:
    assert rerun() == []


def test_a_comment_a_docstring_and_formatting_rerun_nothing(rerun: Any) -> None:
    changed = SOURCE.replace("    ran(25)", '    """Harden it."""\n    ran( 25 )  # note').replace(
        'inputs=["packages.txt"]', 'inputs=["packages.txt"], retries=3'
    )
    assert rerun(changed) == []


def test_a_changed_function_runs_again(rerun: Any, worker_a: Any) -> None:
    assert rerun(SOURCE.replace("image.read_text() +", "image.read_text() * 2 +")) == [25]
    assert worker_a.story()[-1] == (25, "completed", "recipe_changed:code")


def test_a_version_stands_for_the_code(rerun: Any) -> None:
    pinned = SOURCE.replace("state=25", 'state=25, version="3"')
    assert rerun(pinned) == [25]
    assert rerun(pinned.replace("image.read_text() +", "image.read_text() * 2 +")) == []
    assert rerun(pinned.replace('"3"', '"4"')) == [25]


def test_a_changed_input_file_runs_again(rerun: Any, worker_a: Any) -> None:
    assert rerun(packages="zsh") == [10]
    assert worker_a.story()[-1] == (10, "completed", "input_changed:packages.txt")


@pytest.mark.usefixtures("rerun")
def test_a_missing_input_file_is_an_error(worker_a: Any, load: Any, ran: Any) -> None:
    (worker_a.folder / "packages.txt").unlink()
    with worker_a.build(), pytest.raises(InvalidInput, match=r"packages\.txt"):
        load(SOURCE).base("9.6", ran)


def test_a_changed_parameter_runs_again(rerun: Any, worker_a: Any) -> None:
    assert rerun(level="low") == [25]
    assert worker_a.story()[-1] == (25, "completed", "recipe_changed:param:level")


def test_what_consumed_a_changed_artifact_runs_again(rerun: Any, worker_a: Any) -> None:
    assert rerun(release="9.7") == [10, 25]
    assert worker_a.story()[-1] == (25, "completed", "upstream_changed:10")


def test_an_upstream_that_ran_again_and_made_the_same_reruns_nothing_below(rerun: Any) -> None:
    assert rerun(SOURCE.replace("    ran(10)", "    ran(10); release = str(release)")) == [10]


def test_a_secret_is_in_no_fingerprint(rerun: Any, worker_a: Any) -> None:
    assert rerun(word="b") == []
    recorded = [part for part in worker_a.history()[-1].fingerprint if not part.startswith("code:")]
    assert set(recorded) == {"code", "param:image", "param:level", "param:ran", "upstream:10"}


def test_a_secret_block_of_prefect_does_not_count(worker_a: Any, ran: Any) -> None:
    @milestone(state=20)
    def log_in(token: Secret[str], names: dict[str, Any]) -> None:
        ran(20)
        assert token.get() == names["token"].get()

    @milestone(state=30)
    def keep() -> Path:
        Path("kept").touch()
        return Path("kept")

    for word in ("one", "another"):
        with worker_a.build():
            log_in(Secret(value=word), {"token": Secret(value=word), "user": "a"})
            keep()
    assert ran.since() == [20]


def test_artifacts_in_lists_and_dicts_are_consumed_and_arrive_as_paths(worker_a: Any) -> None:
    seen: list[Any] = []

    @milestone(state=5)
    def part(text: str) -> Path:
        Path(text).write_text(text)
        return Path(text)

    @milestone(state=40)
    def whole(parts: dict[str, Any], note: str) -> None:
        seen.append((parts, note))

    with worker_a.build():
        one = part("one")
        two = part.with_options(state=6)("two")
        assert isinstance(one, Artifact)
        whole({"all": [one, (two, "not a path")]}, "x")
    (first, (second, text)) = seen[0][0]["all"]
    assert isinstance(first, Path)
    assert (first.read_text(), second.read_text(), text) == ("one", "two", "not a path")
    assert {"upstream:5", "upstream:6", "param:parts"} < set(worker_a.history()[-1].fingerprint)
