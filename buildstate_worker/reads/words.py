"""The names of files among the words that a child process is given."""

import os
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

_MOST: Final = 10_000
"""Of characters: what is longer is a text, and names no file."""

_SHORT_OPTION: Final = re.compile(r"-[A-Za-z](.+)")


def names_in(word: str) -> Iterator[str]:
    """Yield what may be the name of a file in a word, also in a script for a shell.

    >>> list(names_in("hosts"))
    ['hosts']
    >>> list(names_in("--extra-vars=@all.yml"))
    ['--extra-vars=@all.yml', 'all.yml']
    >>> list(names_in("grep -f'my words' <hosts one,two"))
    ['grep', '-fmy words', 'my words', '<hosts', 'hosts', 'one,two', 'one', 'two']
    """
    if len(word) > _MOST or "\0" in word:
        return
    pieces = [word]
    if any(each.isspace() for each in word) and not os.path.exists(word):  # noqa: PTH110 - a word
        with suppress(ValueError):  # no script after all
            pieces = shlex.split(word)
    for piece in pieces:
        yield from dict.fromkeys(each for each in _names_in_piece(piece) if each)


def _names_in_piece(piece: str) -> Iterator[str]:
    yield piece
    option = _SHORT_OPTION.fullmatch(piece)
    values = [option[1]] if option else []
    if "=" in piece:
        values.append(piece.partition("=")[2])
    for value in values or [piece]:
        bare = value.lstrip("@<>")
        if bare != piece:
            yield bare
        if "," in bare:
            yield from bare.split(",")
