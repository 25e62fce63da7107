"""What a skip was decided by, in words: what cannot be seen is not said to be unchanged."""

from collections.abc import Mapping

_CODE = "code"
_COMMAND = "command"


def compared(recorded: Mapping[str, str], now: Mapping[str, str], *, files_read: int = 0) -> str:
    """Return what was compared, for people.

    Args:
        recorded: The parts of the attempt's fingerprint.
        now: Those of what would run.
        files_read: How many files that the attempt was seen to read were looked at.

    >>> compared({"code": "aa", "code:f": "bb", "param:os": "c"}, {"code": "aa", "code:f": "bb"})
    'code of 1 function'
    >>> compared({"command": "aa"}, {"command": "aa"})
    'the command only'
    """
    shared = recorded.keys() & now.keys()

    def count(prefix: str, what: str) -> str | None:
        number = sum(part.startswith(prefix) for part in shared)
        return None if number == 0 else counted(number, what)

    code = None
    if _CODE in shared:
        functions = count(f"{_CODE}:", "function")
        code = f"code of {functions}" if functions else "code"
    command = "the command" if _COMMAND in shared else None
    files = f"{counted(files_read, 'file')} read last time" if files_read else None
    found = [code, command, count("param:", "parameter"), count("input:", "input"), files]
    said = [each for each in found if each is not None]
    if said == [command]:
        return "the command only"
    return ", ".join(said) or "nothing of what goes into it"


def counted(number: int, what: str) -> str:
    """Return a number of things.

    >>> counted(1, "file"), counted(2, "file")
    ('1 file', '2 files')
    """
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
