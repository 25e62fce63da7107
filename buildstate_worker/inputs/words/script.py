"""A command as simple commands: itself, and those of a script among its words.

It is no shell: what it takes for a command that is none names no files, or names some more.
"""

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_MOST: Final = 100_000
"""Of characters; what is longer is a text."""

_SEPARATORS: Final = frozenset({";", "&", "&&", "|", "||", "|&", ";;", "(", ")", "{", "}", "\n"})
_PUNCTUATION: Final = "();<>|&\n"
_KEYWORDS: Final = frozenset({"if", "then", "else", "elif", "while", "until", "do", "!", "time"})
_PREFIXES: Final = frozenset(
    {
        "sudo",
        "doas",
        "env",
        "nice",
        "nohup",
        "exec",
        "command",
        "time",
        "stdbuf",
        "setsid",
        "ionice",
    }
)
_CHANGES_FOLDER: Final = frozenset({"cd", "pushd"})
_OUT: Final = (">", ">>", ">|", "&>", "&>>", "<>")


@dataclass(frozen=True)
class SimpleCommand:
    """A program and its words.

    Attributes:
        words: The program and its arguments, without what only says how it is run.
        folders: Where the command may run, relative to where it is called.
        redirected: What its output goes to.
        read: What its input comes from.
    """

    words: Sequence[str]
    folders: Sequence[str] = (".",)
    redirected: Sequence[str] = ()
    read: Sequence[str] = ()

    @property
    def tool(self) -> str:
        """The name of its program."""
        return os.path.basename(self.words[0]) if self.words else ""  # noqa: PTH119 - a word


def simple_commands(command: Sequence[str]) -> Iterator[SimpleCommand]:
    """Yield a command, and those of each script among its words.

    >>> [each.words for each in simple_commands(["sudo", "sh", "-c", "cd conf && cat a>b"])]
    [['sh', '-c', 'cd conf && cat a>b'], ['cd', 'conf'], ['cat', 'a']]
    """
    yield SimpleCommand(_without_prefixes(command))
    for word in command:
        if _may_be_script(word):
            yield from _of_script(word)


def _may_be_script(word: str) -> bool:
    has_several = any(each.isspace() or each in _PUNCTUATION for each in word)
    return has_several and len(word) <= _MOST and "\0" not in word and not os.path.exists(word)  # noqa: PTH110 - a word


def _of_script(text: str) -> Iterator[SimpleCommand]:
    folders = ["."]
    waiting: list[str] = []
    for token in [*_tokens(text), ";"]:
        if token not in _SEPARATORS:
            waiting.append(token)
            continue
        if waiting:
            found = _simple(waiting, tuple(folders))
            yield found
            if found.tool in _CHANGES_FOLDER and len(found.words) > 1:
                folders.append(os.path.join(folders[-1], found.words[-1]))  # noqa: PTH118 - a word
        waiting = []


def _tokens(text: str) -> list[str]:
    """Return the words and operators of a script; what is between blanks, where it is none."""
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars=_PUNCTUATION)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return [each for token in lexer for each in _operators(token)]
    except ValueError:  # a quote is not closed
        return text.split()


def _operators(token: str) -> Iterator[str]:
    """Yield the operators of a token that has several; any other token as it is."""
    if len(token) > 1 and not token.strip(_PUNCTUATION) and "\n" in token:
        yield from (each for each in token.split("\n") if each)
        yield "\n"
    else:
        yield token


def _simple(tokens: Sequence[str], folders: Sequence[str]) -> SimpleCommand:
    words: list[str] = []
    redirected: list[str] = []
    read: list[str] = []
    rest = iter(tokens)
    for token in rest:
        if token in _OUT:
            redirected.append(next(rest, ""))
        elif token in {"<", "<<<"}:
            read.append(next(rest, ""))
        elif not set(token) <= set(_PUNCTUATION):
            words.append(token.strip("`"))
    return SimpleCommand(_without_prefixes(words), folders, redirected, read)


def _without_prefixes(words: Sequence[str]) -> list[str]:
    """Return a command without what only says how it is run."""
    rest = list(words)
    while len(rest) > 1 and (
        rest[0] in _KEYWORDS or os.path.basename(rest[0]) in _PREFIXES or _is_assignment(rest[0])  # noqa: PTH119 - a word
    ):
        rest.pop(0)
        while len(rest) > 1 and rest[0].startswith("-"):
            rest.pop(0)
    return rest


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()
