"""Which words of a command name what it writes: that is no input, if the command has changed it."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from buildstate_worker.inputs.words.script import SimpleCommand

_LAST: Final = frozenset({"cp", "install", "ln", "rsync", "scp"})
_ALL: Final = frozenset(
    {
        "tee",
        "touch",
        "truncate",
        "mkdir",
        "rm",
        "rmdir",
        "mv",
        "chown",
        "mkfs",
        "mkswap",
        "shred",
    }
)
_IN_PLACE: Final = {"sed": "-i", "perl": "-i", "gzip": "", "xz": "", "zstd": "", "bzip2": ""}
_OPTIONS: Final = frozenset(
    {
        "-o",
        "-O",
        "--output",
        "--out",
        "--output-dir",
        "--out-dir",
        "--outfile",
        "--log",
        "--log-file",
    }
)
_VALUES: Final = ("of=", "--output=", "--out=", "--output-dir=", "--out-dir=", "--outfile=")
_IMAGE_TOOLS: Final = {"convert", "create", "resize", "commit", "rebase", "snapshot"}


def places_of(command: SimpleCommand) -> Iterator[str]:
    """Yield the words, or what is behind an option in them, that name what is written.

    >>> list(places_of(SimpleCommand(["dd", "if=a", "of=b"])))
    ['b']
    >>> list(places_of(SimpleCommand(["cp", "a", "b"], redirected=["log"])))
    ['log', 'b']
    """
    yield from command.redirected
    arguments = command.words[1:]
    operands = [each for each in arguments if not each.startswith("-")]
    if command.tool in _LAST:
        yield from operands[-1:]
    elif command.tool in _ALL or _is_in_place(command.tool, arguments):
        yield from operands
    elif command.tool == "qemu-img" and _IMAGE_TOOLS.intersection(operands[:1]):
        yield from operands[1:] if operands[0] != "convert" else operands[-1:]
    for option, value in itertools.pairwise(arguments):
        if option in _OPTIONS:
            yield value
    for each in arguments:
        yield from (each.removeprefix(start) for start in _VALUES if each.startswith(start))


def modes_of(command: SimpleCommand) -> Iterator[str]:
    """Yield the words that name what the command makes executable, or not, itself.

    >>> list(modes_of(SimpleCommand(["chmod", "-R", "+x", "bin"])))
    ['bin']
    """
    if command.tool == "chmod":
        operands = [each for each in command.words[1:] if not each.startswith("-")]
        yield from operands[1:]


def _is_in_place(tool: str, arguments: Sequence[str]) -> bool:
    option = _IN_PLACE.get(tool)
    if option is None:
        return False
    return not option or any(each.startswith((option, "--in-place")) for each in arguments)
