"""What may be the name of a file in a word."""

import re
from collections.abc import Iterator
from typing import Final

_MOST: Final = 4096
_SHORT_OPTION: Final = re.compile(r"-[A-Za-z](.+)")
_AROUND: Final = "@<>`\"'"


def names_in(word: str) -> Iterator[str]:
    """Yield what may be the name of a file in a word.

    >>> list(names_in("--extra-vars=@all.yml")), list(names_in("-fMakefile"))
    (['--extra-vars=@all.yml', '@all.yml', 'all.yml'], ['-fMakefile', 'Makefile'])
    >>> "conf/hosts" in names_in("type=bind,src=conf/hosts")
    True
    """
    if len(word) > _MOST or "\0" in word:
        return
    seen: dict[str, None] = {}
    waiting = [word]
    while waiting:
        each = waiting.pop(0)
        if not each or each in seen:
            continue
        seen[each] = None
        waiting += _within(each)
    yield from seen


def _within(word: str) -> Iterator[str]:
    option = _SHORT_OPTION.fullmatch(word)
    if option:
        yield option[1]
    if "=" in word:
        yield word.partition("=")[2]
    if "," in word:
        yield from word.split(",")
    if ":" in word and "://" not in word:
        yield from word.split(":")
    bare = word.strip(_AROUND)
    if bare != word:
        yield bare
