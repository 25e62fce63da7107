"""What a skip was decided by, in words: what was not looked at is not said to be unchanged."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from buildstate_core.rules.fingerprints import is_of_older_recorder
from buildstate_core.units import number_of
from buildstate_worker.reads import Compared

_CODE: Final = "code"
_COMMAND: Final = "command"
_STDIN: Final = "stdin"
_FOUND: Final = "found:"
_COUNTED: Final = (("param:", "parameter"), ("input:", "input"))
_PIPE: Final = "; not compared: what comes through the pipe on standard input"
_CODE_BEFORE: Final = "code of 1 function"
"""What the release before has recorded of code."""


@dataclass(frozen=True)
class Counted:
    """What a caller knows of what is compared, beside the parts.

    Attributes:
        code: What of the code is looked at.
        command: What of the command is: its words, or what stands for them.
        files: How many files a part of what was found stands for; one, if it is not here.
        tools: The program that reads what such a part stands for without being told.
        is_piped: Whether standard input is a pipe that holds something, which is not compared.
    """

    code: str = _CODE
    command: str = "the command"
    files: Mapping[str, int] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    is_piped: bool = False


def compared(
    recorded: Mapping[str, str],
    now: Mapping[str, str],
    counted: Counted | None = None,
    looked: Compared | None = None,
) -> str:
    """Return what was compared, for people, and what was not.

    Args:
        recorded: The parts of the attempt's fingerprint.
        now: Those of what would run.
        counted: What is known of them.
        looked: What was seen to be read then, and was compared.

    >>> compared({"code": "2:aa", "param:os": "c"}, {"code": "2:aa"}, Counted("code of 2"))
    'compared: code of 2'
    >>> compared({"command": "aa"}, {"command": "aa"})
    'compared: the command only'
    >>> compared({"command": "2:a", "found:x.sh": "2:b"}, {"command": "2:a", "found:x.sh": "2:b"})
    'compared: the command, 1 file that it names'
    """
    counted, looked = counted or Counted(), looked or Compared(0)
    shared = recorded.keys() & now.keys()
    found: list[str] = []
    if _CODE in shared:
        names_functions = any(part.startswith("code:") for part in now)
        is_older = names_functions and is_of_older_recorder(recorded)
        found.append(_CODE_BEFORE if is_older else counted.code)
    if _COMMAND in shared:
        found.append(counted.command)
    for prefix, what in _COUNTED:
        found += _numbered(sum(part.startswith(prefix) for part in shared), what)
    found += _files_found(sorted(each for each in shared if each.startswith(_FOUND)), counted)
    found += _numbered(sum(part.startswith("tool:") for part in shared), "tool")
    if _STDIN in shared:
        found.append("standard input")
    found += _numbered(looked.count - looked.absent, "file", " read last time")
    were = "was" if looked.absent == 1 else "were"
    found += _numbered(looked.absent, "file", f" that {were} not there")
    only = " only" if found == [counted.command] else ""
    said = ", ".join(found) or "nothing of what goes into it"
    return f"compared: {said}{only}{_PIPE if counted.is_piped else ''}"


def _files_found(parts: list[str], counted: Counted) -> list[str]:
    """Return how many files a command names, and how many each of its tools reads."""
    numbers: Counter[str | None] = Counter()
    for part in parts:
        numbers[counted.tools.get(part)] += counted.files.get(part, 1)
    named = _numbered(numbers.pop(None, 0), "file", " that it names")
    by_tool = sorted((tool, number) for tool, number in numbers.items() if tool is not None)
    read = [
        each
        for tool, number in by_tool
        for each in _numbered(number, "file", f" that {tool} reads")
    ]
    return named + read


def _numbered(count: int, what: str, more: str = "") -> list[str]:
    return [f"{number_of(count, what)}{more}"] if count else []
