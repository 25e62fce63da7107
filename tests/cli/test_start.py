"""How `bldst` starts: light, with help for everything."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from buildstate_cli.app import app
from buildstate_core import __version__

HEAVY = ("fastapi", "sqlalchemy", "prefect", "boto3", "fsspec", "pydantic", "urllib3", "rich")

LIST_MODULES = """
import sys
from buildstate_cli.main import main
code = main(sys.argv[1:])
print(*sys.modules, file=sys.stderr)
sys.exit(code)
"""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["build", "--help"], ["build", "add-state", "--help"], ["--version"], []],
    ids=" ".join,
)
def test_help_imports_nothing_heavy(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIST_MODULES, *arguments],
        capture_output=True,
        check=True,
        text=True,
        env=environment,
    )
    assert not set(HEAVY) & set(done.stderr.split())


def test_bldst_alone_shows_the_help(process: Callable[..., Any]) -> None:
    answer = process()
    assert answer.code == 0
    assert answer.out.startswith("Usage: bldst")
    assert not answer.err


def test_a_group_alone_shows_its_help(bldst: Callable[..., Any]) -> None:
    answer = bldst("build")
    assert (answer.code, answer.err) == (0, "")
    assert "add-failure" in answer.out


def test_the_commands_are_grouped(bldst: Callable[..., Any]) -> None:
    lines = bldst("--help").out.splitlines()
    headings = [lines.index(f"{name}:") for name in ("Builds", "Projects", "Service and access")]
    assert headings == sorted(headings)


def test_the_version_is_told(process: Callable[..., Any]) -> None:
    answer = process("--version")
    assert (answer.code, answer.out) == (0, f"bldst {__version__}\n")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_says_what_it_does_in_one_line(path: Any, bldst: Callable[..., Any]) -> None:
    answer = bldst(*path, "--help")
    assert (answer.code, answer.err) == (0, "")
    first_line = COMMANDS[path].help.splitlines()[0]
    assert first_line[0].isupper()
    assert first_line.endswith(".")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_says_what_it_is_for(path: Any) -> None:
    assert all(param.help for param in COMMANDS[path].params)


def test_completion_knows_commands_and_options(process: Callable[..., Any]) -> None:
    words = {"_BLDST_COMPLETE": "complete_bash", "COMP_WORDS": "bldst build add-state --st"}
    answer = process(**words, COMP_CWORD="3")
    assert answer.out.split() == ["--state", "--status", "--storage-type", "--storage-path"]


def test_completion_can_be_shown(process: Callable[..., Any]) -> None:
    answer = process(_BLDST_COMPLETE="source_bash")
    assert "bldst" in answer.out


def test_a_broken_config_file_breaks_commands_but_not_help(
    process: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.toml").write_text("profiles = 3")
    assert process("build", "list", "--help").code == 0
    answer = process("build", "list")
    assert answer.code == 2
    assert "config.toml" in answer.err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_caller_has_closed_is_no_reason_to_fail(
    closed: str, environment: dict[str, str], tmp_path: Path
) -> None:
    program = Path(sys.executable).with_name("bldst")
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" config show {closed}', str(program)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert b"internal error" not in done.stderr
