"""What a skip was decided by, in words: what was not looked at is not said to be unchanged."""

from collections.abc import Mapping

from buildstate_core.rules.fingerprints import is_of_older_recorder
from buildstate_core.units import number_of

_CODE = "code"
_COMMAND = "command"
_OUTPUTS = "outputs"
_STDIN = "stdin"
_COUNTED = (
    ("param:", "parameter", ""),
    ("input:", "input", ""),
    ("found:", "file", " that it names"),
    ("tool:", "tool", ""),
)
_COMMAND_ONLY = "the command only"
_CODE_BEFORE = "code of 1 function"
"""What the release before has recorded of code."""


def compared(
    recorded: Mapping[str, str], now: Mapping[str, str], *, code: str = _CODE, files_read: int = 0
) -> str:
    """Return what was compared, for people.

    Args:
        recorded: The parts of the attempt's fingerprint.
        now: Those of what would run.
        code: What of the code is looked at.
        files_read: How many files that the attempt was seen to read were looked at.

    >>> compared({"code": "2:aa", "param:os": "c"}, {"code": "2:aa"}, code="code of 4 functions")
    'code of 4 functions'
    >>> compared({"command": "aa"}, {"command": "aa"})
    'the command only'
    >>> compared({"command": "2:a", "found:x.sh": "2:b"}, {"command": "2:a", "found:x.sh": "2:b"})
    'the command, 1 file that it names'
    """
    shared = recorded.keys() & now.keys()
    if shared - {_OUTPUTS} == {_COMMAND} and not files_read:
        return _COMMAND_ONLY
    found = []
    if _CODE in shared:
        names_functions = any(part.startswith("code:") for part in now)
        is_older = names_functions and is_of_older_recorder(recorded)
        found.append(_CODE_BEFORE if is_older else code)
    if _COMMAND in shared:
        found.append("the command")
    for prefix, what, more in _COUNTED:
        count = sum(part.startswith(prefix) for part in shared)
        if count:
            found.append(f"{number_of(count, what)}{more}")
    if _STDIN in shared:
        found.append("standard input")
    if files_read:
        found.append(f"{number_of(files_read, 'file')} read last time")
    return ", ".join(found) or "nothing of what goes into it"
