"""The versions of tools, as they tell them themselves."""

from pathlib import Path

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_worker.fingerprint.tools import tool_parts


def parts(folder: Path, line: str, **environ: str) -> dict[str, str]:
    return tool_parts([line], folder=folder, environ={"PATH": "/usr/bin:/bin", **environ})


def test_what_it_prints_counts_without_blanks_around(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("1.9\n")
    before = parts(tmp_path, "cat version")
    assert list(before) == ["tool:cat version"]
    (tmp_path / "version").write_text("\n1.9\n\n")
    assert parts(tmp_path, "cat version") == before
    (tmp_path / "version").write_text("1.10\n")
    assert parts(tmp_path, "cat version") != before


def test_stderr_counts_where_nothing_is_on_stdout(tmp_path: Path) -> None:
    one, other, both = (
        parts(tmp_path, f"sh -c '{script}'")
        for script in ("echo 1 >&2", "echo 2 >&2", "echo 1; echo warning >&2")
    )
    assert set(one.values()) != set(other.values())
    assert set(one.values()) == set(both.values())


def test_it_has_the_environment_of_the_command(tmp_path: Path) -> None:
    line = "sh -c 'echo $RELEASE'"
    assert parts(tmp_path, line, RELEASE="1") != parts(tmp_path, line, RELEASE="2")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nowhere --version", "cannot be run: No such file or directory"),
        ("", "cannot be read as a command"),
        ("echo 'a", "cannot be read as a command: No closing quotation"),
        ("false", "ended with exit code 1: no word"),
        ("sh -c 'echo no licence >&2; exit 3'", "ended with exit code 3: no licence"),
        ("true", "prints nothing"),
    ],
)
def test_one_that_does_not_tell_it_is_refused(tmp_path: Path, line: str, why: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parts(tmp_path, line)
    assert (caught.value.code, caught.value.field) == ("tool-failed", "--tool")
    assert why in caught.value.message
