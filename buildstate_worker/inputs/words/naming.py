"""What may be the name of a file in a word."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

_MOST: Final = 4096
_SHORT_OPTION: Final = re.compile(r"-[A-Za-z](.+)")
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_AROUND: Final = "@<>`\"'"
_ADDRESSES: Final = ("file://", "fileb://")


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


def expanded(name: str, environ: Mapping[str, str]) -> str:
    """Return a name with the home and the variables of the environment that it names.

    >>> expanded("${CONF}/hosts", {"CONF": "conf"}), expanded("$CONF/hosts", {})
    ('conf/hosts', '$CONF/hosts')
    """
    found = _VARIABLE.sub(lambda each: environ.get(each[1] or each[2], each[0]), name)
    return os.path.expanduser(found)  # noqa: PTH111 - a word


def _within(word: str) -> Iterator[str]:
    option = _SHORT_OPTION.fullmatch(word)
    if option:
        yield option[1]
    if "=" in word:
        yield word.partition("=")[2]
    if word.startswith(_ADDRESSES):
        yield word.partition("://")[2]
    if "," in word:
        yield from word.split(",")
    if ":" in word and "://" not in word:
        yield from word.split(":")
    bare = word.strip(_AROUND)
    if bare != word:
        yield bare
