"""The files that a command names and that are there, or could come up."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from buildstate_worker.inputs.source import Checkout, Source, is_glob, matches, split_glob
from buildstate_worker.inputs.words.naming import expanded, names_in
from buildstate_worker.inputs.words.places import modes_of, places_of
from buildstate_worker.inputs.words.presets import implicit
from buildstate_worker.inputs.words.script import SimpleCommand, simple_commands

FOUND: Final = "found:"
_SYSTEM: Final = ("/bin/", "/boot/", "/dev/", "/lib", "/proc/", "/run/", "/sbin/", "/sys/", "/usr/")
_PLAIN: Final = r"[^\s*?\[\]$:;|&<>()'\"=,]"
_LIKE_A_PATH: Final = re.compile(rf"(?![-@]){_PLAIN}*[./]{_PLAIN}*")


@dataclass(frozen=True)
class Found:
    """What a command names.

    Attributes:
        sources: What is there.
        absent: The paths of what looks like a file in the project, and is not there.
        modeless: The paths of what the command makes executable itself.
    """

    sources: Sequence[Source] = ()
    absent: Sequence[str] = ()
    modeless: Sequence[str] = ()


def found_in(command: Sequence[str], checkout: Checkout, environ: Mapping[str, str]) -> Found:
    """Return the files that a command names.

    Args:
        command: Its words.
        checkout: Where it runs.
        environ: Its environment.
    """
    finding = _Finding(checkout, environ)
    for each in simple_commands(command, environ):
        finding.take(each)
    return Found(tuple(finding.sources.values()), tuple(finding.absent), tuple(finding.modeless))


class _Finding:
    """What was found so far, each place once."""

    def __init__(self, checkout: Checkout, environ: Mapping[str, str]) -> None:
        self._checkout = checkout
        self._environ = environ
        self.sources: dict[str, Source] = {}
        self.absent: dict[str, None] = {}
        self.modeless: dict[str, None] = {}

    def take(self, command: SimpleCommand) -> None:
        """Take the files of one simple command."""
        places = {self._checkout.path_of(path) for path in self._paths(command, places_of(command))}
        arguments = (*command.words[1:], *command.read, *command.redirected)
        for word in (*command.before, *arguments):
            self._take_word(command, word, places)
        if command.words:
            self._take_program(command)
        for path in self._paths(command, modes_of(command)):
            self.modeless.update(dict.fromkeys(_named_by(path)))
        for folder, pattern in implicit(command):
            for path in self._paths(command, [f"{folder}/{pattern}"]):
                self._take_implicit(command.tool, path)

    def _take_word(self, command: SimpleCommand, word: str, places: set[str]) -> None:
        for name in names_in(word):
            for path in self._paths(command, [name]):
                if is_glob(name, path):
                    folder, pattern = split_glob(path)
                    if matches(folder, pattern):  # and is no regular expression
                        self._add(Source(self._part(path), folder, pattern))
                elif os.path.exists(path):  # noqa: PTH110 - quick
                    self._add(Source(self._part(path), path, is_place=path in places))
                elif name == word and self._may_come_up(name, path) and path not in places:
                    self.absent[path] = None

    def _take_implicit(self, tool: str, path: str) -> None:
        part = self._part(path)
        if is_glob(path, path):
            self._add(Source(part, *split_glob(path), tool=tool))
        else:
            self._add(Source(part, path, is_optional=True, tool=tool))

    def _take_program(self, command: SimpleCommand) -> None:
        program = command.words[0]
        if "/" in program:
            self._take_word(command, program, set())
            return
        path = shutil.which(program, path=self._environ.get("PATH"))
        if path is not None and self._is_in_project(path):
            full = self._checkout.path_of(path)
            self._add(Source(self._part(full), full))

    def _paths(self, command: SimpleCommand, names: Iterator[str] | Sequence[str]) -> Iterator[str]:
        """Yield the absolute paths of names: in the innermost folder that has something there."""
        for name in names:
            full = expanded(name, self._environ)
            paths = [
                self._checkout.path_of(os.path.join(folder, full))  # noqa: PTH118
                for folder in reversed(command.folders)
            ]
            there = (each for each in paths if is_glob(name, each) or os.path.lexists(each))
            yield next(there, paths[0])

    def _add(self, source: Source) -> None:
        if not self._may_count(source):
            return
        known = self.sources.get(source.part)
        if known is None or (source.is_place and not known.is_place):
            self.sources[source.part] = source

    def _may_count(self, source: Source) -> bool:
        """Return whether a place may hold an input: in the project, or a file of the user's own."""
        place = self._checkout.project.place_of(source.path)
        if not place.startswith("/"):
            return self._checkout.project.has(place)
        is_file = source.pattern is None and os.path.isfile(source.path)  # noqa: PTH113 - quick
        return is_file and not source.path.startswith(_SYSTEM)

    def _may_come_up(self, name: str, path: str) -> bool:
        return bool(_LIKE_A_PATH.fullmatch(name)) and self._is_in_project(path)

    def _is_in_project(self, path: str) -> bool:
        project = self._checkout.project
        return project.has(project.place_of(path))

    def _part(self, path: str) -> str:
        return f"{FOUND}{self._checkout.name_of(os.path.normpath(path))}"


def _named_by(path: str) -> Sequence[str]:
    """Return the absolute paths of what a path or a glob names."""
    return matches(*split_glob(path)) if is_glob(path, path) else [path]
