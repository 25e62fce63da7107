"""A command as simple commands: itself, and those of a script among its words.

It is no shell: what it takes for a command that is none names no files, or names some more.
"""

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from buildstate_worker.inputs.words.naming import expanded

_MOST: Final = 100_000
"""Of characters; what is longer is a text."""

_SEPARATORS: Final = frozenset({";", "&", "&&", "|", "||", "|&", ";;", "(", ")", "{", "}", "\n"})
_PUNCTUATION: Final = "();<>|&\n"
_OPERATOR: Final = re.compile(r"&>>|<<<|<<-|&&|\|\||\|&|;;|>>|>\||&>|<<|<>|>&|<&|[();<>|&\n]")
_ROUGHLY: Final = re.compile(r"[();<>|&]+|[^\s();<>|&\"'`]+")
_KEYWORDS: Final = frozenset({"if", "then", "else", "elif", "while", "until", "do", "!"})
_CHANGES_FOLDER: Final = frozenset({"cd", "pushd"})
_OUT: Final = (">", ">>", ">|", "&>", "&>>", "<>")


@dataclass(frozen=True)
class _Prefix:
    """A program that runs another one.

    Attributes:
        options: The letters of its options that take a value.
        operands: How many words are its own, before those of the other program.
    """

    options: str = ""
    operands: int = 0


_PREFIXES: Final[Mapping[str, _Prefix]] = {
    "sudo": _Prefix("CDghpRrTtUu"),
    "doas": _Prefix("Cu"),
    "env": _Prefix("CSu"),
    "nice": _Prefix("n"),
    "ionice": _Prefix("cn"),
    "nohup": _Prefix(),
    "exec": _Prefix("a"),
    "command": _Prefix(),
    "time": _Prefix("fo"),
    "stdbuf": _Prefix("eio"),
    "setsid": _Prefix(),
    "timeout": _Prefix("ks", operands=1),
    "flock": _Prefix("Ew", operands=1),
    "chroot": _Prefix(operands=1),
    "fakeroot": _Prefix("bils"),
    "xargs": _Prefix("adEILnPs"),
}


@dataclass(frozen=True)
class SimpleCommand:
    """A program and its words.

    Attributes:
        words: The program and its arguments, without what only says how it is run.
        folders: Where the command may run, relative to where it is called.
        redirected: What its output goes to.
        read: What its input comes from.
        before: What only says how it is run: variables, `sudo` and its like, with their options.
    """

    words: Sequence[str]
    folders: Sequence[str] = (".",)
    redirected: Sequence[str] = ()
    read: Sequence[str] = ()
    before: Sequence[str] = ()

    @property
    def tool(self) -> str:
        """The name of its program."""
        return os.path.basename(self.words[0]) if self.words else ""  # noqa: PTH119 - a word


def simple_commands(
    command: Sequence[str], environ: Mapping[str, str] = MappingProxyType({})
) -> Iterator[SimpleCommand]:
    """Yield a command, and those of each script among its words.

    Args:
        command: Its words.
        environ: Its environment, whose variables may name where a script goes.

    >>> [each.words for each in simple_commands(["sudo", "sh", "-c", "cd conf && cat a>b"])]
    [['sh', '-c', 'cd conf && cat a>b'], ['cd', 'conf'], ['cat', 'a']]
    """
    before, words = _parted(command)
    yield SimpleCommand(words, before=before)
    for word in command:
        if _may_be_script(word):
            yield from _of_script(word, (".",), environ)


def _may_be_script(word: str) -> bool:
    has_several = any(each.isspace() or each in _PUNCTUATION for each in word)
    return has_several and len(word) <= _MOST and "\0" not in word and not os.path.exists(word)  # noqa: PTH110 - a word


def _of_script(
    text: str, start: Sequence[str], environ: Mapping[str, str]
) -> Iterator[SimpleCommand]:
    folders = list(start)
    around: list[list[str]] = []  # in a subshell, those of the shells that it is in
    waiting: list[str] = []
    for each in [*_tokens(text), ";"]:
        if each not in _SEPARATORS:
            waiting.append(each)
            continue
        if waiting:
            found = _simple(waiting, tuple(folders))
            yield found
            yield from _within(found, text, environ)
            if found.tool in _CHANGES_FOLDER and len(found.words) > 1:
                folder = expanded(found.words[-1], environ)
                folders.append(os.path.join(folders[-1], folder))  # noqa: PTH118 - a word
        waiting = []
        if each == "(":
            around.append(list(folders))
        elif each == ")" and around:
            folders = around.pop()


def _within(
    command: SimpleCommand, text: str, environ: Mapping[str, str]
) -> Iterator[SimpleCommand]:
    """Yield the commands of scripts among the words of one that is in a script itself."""
    for word in (*command.before, *command.words, *command.read):
        if len(word) < len(text) and _may_be_script(word):
            yield from _of_script(word, command.folders, environ)


def _tokens(text: str) -> list[str]:
    """Return the words and operators of a script; roughly, where its quotes do not match."""
    joined = text.replace("\\\n", " ")
    try:
        return _lexed(joined)
    except ValueError:  # a quote is not closed, or is the apostrophe of a comment
        return [each for line in joined.splitlines() for each in (*_of_line(line), "\n")]


def _of_line(line: str) -> list[str]:
    try:
        return _lexed(line)
    except ValueError:
        return [each for token in _ROUGHLY.findall(line) for each in _operators(token)]


def _lexed(text: str) -> list[str]:
    """Return the words and operators of a script.

    Raises:
        ValueError: A quote is not closed.
    """
    lexer = shlex.shlex(text, posix=True, punctuation_chars=_PUNCTUATION)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    return [each for token in lexer for each in _operators(token)]


def _operators(token: str) -> list[str]:
    """Return the operators of a token that is nothing else; any other token as it is."""
    return [token] if token.strip(_PUNCTUATION) else _OPERATOR.findall(token)


def _simple(tokens: Sequence[str], folders: Sequence[str]) -> SimpleCommand:
    words: list[str] = []
    redirected: list[str] = []
    read: list[str] = []
    rest = iter(tokens)
    for token in rest:
        if token in _OUT:
            redirected.extend(filter(None, [next(rest, "")]))
        elif token in {"<", "<<<"}:
            read.extend(filter(None, [next(rest, "")]))
        elif not set(token) <= set(_PUNCTUATION):
            words.append(token.strip("`"))
    before, own = _parted(words)
    return SimpleCommand(own, folders, redirected, read, before)


def _parted(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what only says how a command is run, and the command itself."""
    before: list[str] = []
    rest = list(words)
    while len(rest) > 1:
        prefix = _PREFIXES.get(os.path.basename(rest[0]))  # noqa: PTH119 - a word
        if prefix is None and rest[0] not in _KEYWORDS and not _is_assignment(rest[0]):
            break
        own = 1 if prefix is None else _length(prefix, rest)
        before += rest[:own]
        del rest[:own]
    return before, rest


def _length(prefix: _Prefix, words: Sequence[str]) -> int:
    """Return how many words are a prefix's own, so that at least one is not."""
    at = 1
    while at < len(words) and words[at].startswith("-"):
        takes_value = len(words[at]) == 2 and words[at][1] in prefix.options  # noqa: PLR2004
        at += 2 if takes_value else 1
    return min(at + prefix.operands, len(words) - 1)


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.isidentifier()
