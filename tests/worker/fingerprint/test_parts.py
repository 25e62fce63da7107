"""What counts as a change, and what does not."""

import ast
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, Secret, SecretBytes, SecretStr

from buildstate_core.errors import InvalidInput
from buildstate_worker.fingerprint.digests import (
    code_parts,
    command_parts,
    input_parts,
    param_parts,
)

BASE = """
def harden(image, level=1):
    return image + str(level)
"""


@pytest.fixture
def code_of(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Give the parts of the function `harden` in a module with this source."""

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
    parts = [command_parts(words) for words in (["a", "b"], ["b", "a"], ["a b"], ["a", "b", ""])]
    assert len({each["command"] for each in parts}) == 4
    assert command_parts(("a", "b")) == parts[0]


class TestParams:
    def test_a_value_is_kept_as_a_digest_only(self) -> None:
        parts = param_parts({"token": "s3cret"})
        assert set(parts) == {"param:token"}
        assert "s3cret" not in parts["param:token"]
        assert len(parts["param:token"]) == 64

    @pytest.mark.parametrize(
        ("one", "other"),
        [({"a": 1, "b": 2}, {"b": 2, "a": 1}), ([1, 2], (1, 2)), ("ü", "\u00fc")],
    )
    def test_equal_values_are_equal(self, one: object, other: object) -> None:
        assert param_parts({"x": one}) == param_parts({"x": other})

    @pytest.mark.parametrize(
        ("one", "other"), [(1, "1"), (1, True), (None, ""), ([1, 2], [2, 1]), (1, 1.5)]
    )
    def test_different_values_differ(self, one: object, other: object) -> None:
        assert param_parts({"x": one}) != param_parts({"x": other})

    def test_what_json_cannot_say_is_left_out(self) -> None:
        circular: list[object] = []
        circular.append(circular)
        deep: list[object] = []
        for _ in range(100_000):
            deep = [deep]
        odd = [object(), {1, 2}, b"x", float("nan"), circular, deep, "\ud800", {("a",): 1}]
        # Escaped as JSON, half a surrogate pair is text like any other.
        assert set(param_parts(dict(zip("abcdefgh", odd, strict=True)))) <= {"param:g"}
        assert set(param_parts({"x": 1, "y": object()})) == {"param:x"}


class Level(Enum):
    LOW = 1
    HIGH = 2


class Size(BaseModel):
    gigabytes: int
    level: Level = Level.LOW


class Login(BaseModel):
    user: str
    password: SecretStr


@dataclass(frozen=True)
class Disk:
    path: PurePosixPath
    size: Size
    made_at: datetime


NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class TestTypedParams:
    def test_what_has_one_form_in_json_has_a_stable_digest(self) -> None:
        disk = Disk(PurePosixPath("a.raw"), Size(gigabytes=8), NOON)
        said = {
            "path": "a.raw",
            "size": {"gigabytes": 8, "level": 1},
            "made_at": "2026-11-25T12:00:00Z",
        }
        assert param_parts({"x": disk}) == param_parts({"x": said})
        assert param_parts({"x": [UUID(int=1), Decimal("1.50"), timedelta(minutes=1)]}) == (
            param_parts({"x": [str(UUID(int=1)), "1.50", "PT1M"]})
        )

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            pytest.param(Size(gigabytes=8), Size(gigabytes=9), id="model"),
            pytest.param(Level.LOW, Level.HIGH, id="enum"),
            pytest.param(
                Disk(PurePosixPath("a"), Size(gigabytes=8), NOON),
                Disk(PurePosixPath("b"), Size(gigabytes=8), NOON),
                id="dataclass",
            ),
            pytest.param(NOON, NOON + timedelta(seconds=1), id="time"),
        ],
    )
    def test_another_value_has_another_digest(self, one: object, other: object) -> None:
        assert param_parts({"x": one})["param:x"] != param_parts({"x": other})["param:x"]

    @pytest.mark.parametrize(
        "secret", [SecretStr("a"), SecretBytes(b"a"), Secret[int](1)], ids=["str", "bytes", "int"]
    )
    def test_a_secret_is_left_out(self, secret: object) -> None:
        assert param_parts({"x": secret}) == {}

    @pytest.mark.parametrize(
        "make",
        [
            pytest.param(lambda word: {"user": "a", "password": word}, id="in a dict"),
            pytest.param(lambda word: ["a", [word]], id="in lists"),
            pytest.param(lambda word: Login(user="a", password=word), id="in a model"),
            pytest.param(lambda word: [{"x": Login(user="a", password=word)}], id="in both"),
        ],
    )
    def test_a_secret_inside_does_not_count_and_what_is_around_it_does(
        self, make: Callable[[SecretStr], Any]
    ) -> None:
        parts = param_parts({"x": make(SecretStr("one"))})
        assert set(parts) == {"param:x"}
        assert parts == param_parts({"x": make(SecretStr("another"))})
        assert parts != param_parts({"x": [make(SecretStr("one"))]})
        assert parts["param:x"] != param_parts({"x": Login(user="b", password="one")})["param:x"]


class TestInputs:
    def test_content_counts_and_names_and_times_do_not(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("x")
        (tmp_path / "b").write_text("x")
        parts = input_parts(["a", "b"], folder=tmp_path)
        assert parts["input:a"] == parts["input:b"]
        (tmp_path / "b").write_text("y")
        assert input_parts(["b"], folder=tmp_path)["input:b"] != parts["input:b"]

    def test_a_folder_is_all_that_is_in_it(self, tmp_path: Path) -> None:
        def digest() -> str:
            return input_parts(["roles"], folder=tmp_path)["input:roles"]

        (tmp_path / "roles/web").mkdir(parents=True)
        (tmp_path / "roles/web/main.yml").write_text("x")
        seen = [digest()]
        assert digest() == seen[0]
        (tmp_path / "roles/empty").mkdir()
        seen.append(digest())
        (tmp_path / "roles/web/main.yml").write_text("y")
        seen.append(digest())
        (tmp_path / "roles/web/main.yml").rename(tmp_path / "roles/web/other.yml")
        seen.append(digest())
        (tmp_path / "roles/web/other.yml").chmod(0o755)
        seen.append(digest())
        assert len(set(seen)) == 5

    @pytest.mark.parametrize("name", ["missing", "broken", "a/b"])
    def test_a_missing_one_is_an_error(self, name: str, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("x")
        (tmp_path / "broken").symlink_to("nowhere")
        with pytest.raises(InvalidInput, match=f"The input {name} does not exist"):
            input_parts([name], folder=tmp_path)

    def test_what_has_no_content_is_an_error_and_does_not_hang(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match="neither a file nor a folder"):
            input_parts(["/dev/zero"], folder=tmp_path)
