"""The part of a fingerprint for a command: its words, or the version that stands for them."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from buildstate_core.rules.fingerprints import recorded
from buildstate_worker.fingerprint.digest import digest_of_json

_COMMAND = "command"
_START = r"(?:(?<![\w./-])|(?<=://)|(?<=^-\w))"
_END = r"(?=/|[^\w.-]|$)"


def command_parts(
    command: Sequence[str], folder: Path, *, version: str | None = None
) -> dict[str, str]:
    """Return the part for a command.

    Args:
        command: Its words. Where the checkout lies does not count.
        folder: The working directory.
        version: Stands for the words, if it is given.
    """
    if version is not None:
        return {_COMMAND: recorded(digest_of_json({"version": version}))}
    real = os.path.realpath(folder)
    typed = os.environ.get("PWD", "")  # which may be that of a program around, in another folder
    here = {real, typed if os.path.realpath(typed) == real else real} - {"/"}
    words = [_without(word, here) for word in command]
    return {_COMMAND: recorded(digest_of_json(words))}


def command_parts_1(command: Sequence[str], *, version: str | None = None) -> dict[str, str]:
    """Return the part for a command as the first recorder made it, which knew no versions."""
    text = list(command) if version is None else {"version": version}
    return {_COMMAND: digest_of_json(text)}


def _without(word: str, folders: set[str]) -> str:
    for folder in sorted(folders):
        word = re.sub(f"{_START}{re.escape(folder)}{_END}", ".", word)
    return word
