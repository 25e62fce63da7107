"""Milestones, tasks and flows count as their functions."""

from collections.abc import Callable, Mapping
from types import ModuleType

import pytest

from buildstate_worker.fingerprint.code import Code, code_of

CodeOf = Callable[[Mapping[str, str]], Code]
Load = Callable[[Mapping[str, str]], ModuleType]

PIPELINE = """
from buildstate_flows import milestone
from prefect import flow, task
import prefect
import functools

def log(f):
    @functools.wraps(f)
    def wrapper(*args): return f(*args)
    return wrapper

@task(retries=1)
def tasked(x): return 10

@prefect.flow
def flowing(x): return 20

@log
@milestone(state=25, tags=["a"])
@log
def base(image): return 30

@milestone(state=50)
def harden(image):
    return tasked(image), flowing(image), base(image)
"""


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        pytest.param("10", "11", "pipeline.tasked", id="task"),
        pytest.param("20", "21", "pipeline.flowing", id="flow"),
        pytest.param("30", "31", "pipeline.base", id="milestone"),
    ],
)
def test_the_function_of_another_one_counts(old: str, new: str, part: str, code_in: CodeOf) -> None:
    before = code_in({"pipeline.py": PIPELINE})
    after = code_in({"pipeline.py": PIPELINE.replace(f"return {old}", f"return {new}")})
    assert before.parts[part] != after.parts[part]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("retries=1", "retries=2", id="option of a task"),
        pytest.param('["a"]', '["b"]', id="tag of a milestone"),
        pytest.param("state=50", "state=51", id="its own state"),
    ],
)
def test_what_a_decorator_of_prefect_was_given_does_not_count(
    old: str, new: str, code_in: CodeOf
) -> None:
    assert code_in({"pipeline.py": PIPELINE}) == code_in(
        {"pipeline.py": PIPELINE.replace(old, new)}
    )


def test_a_milestone_whose_result_is_a_dependency_does_not_count(load: Load) -> None:
    module = load({"pipeline.py": PIPELINE.replace("@log\n@mile", "@mile")})
    found = code_of(module.harden, is_result=lambda value: value is module.base)
    assert "pipeline.base" not in found.parts
    assert "pipeline.tasked" in found.parts


def test_a_milestone_and_its_function_are_the_same(load: Load) -> None:
    module = load({"pipeline.py": PIPELINE})
    assert code_of(module.harden) == code_of(module.harden.spec.function)
