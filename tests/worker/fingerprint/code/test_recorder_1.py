"""Which changes of code or of a command count, and which do not."""

import ast
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from buildstate_worker.fingerprint.code import code_parts
from buildstate_worker.fingerprint.command import command_parts_1

BASE = """
def harden(image, level=1):
    return image + str(level)
"""


@pytest.fixture
def code_of(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return the parts of the function `harden` in a module with this source."""

    def parts(source: str) -> dict[str, str]:
        file = tmp_path / f"m{len(list(tmp_path.iterdir()))}.py"
        file.write_text(textwrap.dedent(source))
        space: dict[str, Any] = {}
        exec(compile(file.read_text(), str(file), "exec"), space)  # noqa: S102 - our own text
        return code_parts(space["harden"])

    return parts


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(
            "# a word before\ndef harden(image, level=1):  # and behind\n"
            "    # and within\n    return image + str(level)\n",
            id="comments",
        ),
        pytest.param(
            'def harden(image, level=1):\n    """Say what it does."""\n'
            "    return image + str(level)\n",
            id="docstring",
        ),
        pytest.param(
            "def harden(\n    image,\n    level = 1,\n):\n\n"
            "    return (image\n      + str( level ))\n",
            id="formatting",
        ),
        pytest.param(
            "def task(f): return f\n\n@task\ndef harden(image, level=1):\n"
            "    return image + str(level)\n",
            id="decorator",
        ),
        pytest.param(
            "if True:\n    def harden(image, level=1):\n        return image + str(level)\n",
            id="indentation",
        ),
    ],
)
def test_what_changes_nothing_does_not_count(
    source: str, code_of: Callable[[str], dict[str, str]]
) -> None:
    assert code_of(source) == code_of(BASE)
    assert set(code_of(source)) == {"code"}


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def harden(image, level=2): return image + str(level)", id="default"),
        pytest.param("def harden(image, level=1): return str(level) + image", id="body"),
        pytest.param("async def harden(image, level=1): return image + str(level)", id="async"),
        pytest.param('def harden(image, level=1): return image + "1"', id="constant"),
    ],
)
def test_what_changes_the_code_counts(
    source: str, code_of: Callable[[str], dict[str, str]]
) -> None:
    assert code_of(source)["code"] != code_of(BASE)["code"]


def test_a_function_of_nothing_but_a_docstring_has_a_digest(
    code_of: Callable[[str], dict[str, str]],
) -> None:
    assert code_of('def harden(): "Say."') == code_of("def harden(): pass")


@pytest.mark.parametrize(
    "function",
    [
        pytest.param(len, id="built in"),
        pytest.param(ast.parse, id="of the standard library"),
        pytest.param(eval("lambda: 1"), id="without a source"),  # noqa: S307 - as typed at a prompt
        pytest.param(type("Callable", (), {"__call__": lambda _: 1})(), id="object"),
    ],
)
def test_what_has_no_source_to_be_found_is_unknown_and_no_error(function: Any) -> None:
    assert set(code_parts(function)) <= {"code"}


def test_a_command_is_its_words_in_order() -> None:
    parts = [command_parts_1(words) for words in (["a", "b"], ["b", "a"], ["a b"], ["a", "b", ""])]
    assert len({each["command"] for each in parts}) == 4
    assert command_parts_1(("a", "b")) == parts[0]
