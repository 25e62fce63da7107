"""What a traced command has done with which paths, by the calls of all its processes."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final

from buildstate_worker.reads.hook import Act, Event, Recording
from buildstate_worker.reads.tracing.calls import Call, calls_in

_TEXT: Final = r'"([^"\\]*(?:\\.[^"\\]*)*)"'
_AT: Final = r"(AT_FDCWD|-?\d+)(?:<([^<>]*)>)?(?:\(deleted\))?"
_RESULT: Final = r"\) += (-?\d+)(?:<[^<>]*>(?:\(deleted\))?)?(?: (E\w+).*)?"
_FLAGS: Final = r"([\w|]+)(?:, 0\d*)?"

_ESCAPE: Final = re.compile(rb"\\(?:([0-7]{1,3})|(.))")
_SIGNS: Final = MappingProxyType({b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f"})

_MISSING: Final = frozenset({"ENOENT", "ENOTDIR"})
_REFUSED: Final = frozenset({"EACCES", "EPERM", "ENOEXEC"})
_SYSTEM: Final = re.compile(
    r"/(?:proc|sys|dev|lib\w*|bin|sbin|usr/(?:lib\w*|bin|sbin|share|include))/(?!.*/\.\./)"
)
"""Below these are programs and libraries, and no project of anybody's."""

_Folder = list[str]
"""The working directory of a process; threads share one."""


class Reader:
    """Makes events of calls.

    Args:
        seen: Takes the events.
        folder: The working directory in which the first process has begun.
    """

    def __init__(self, seen: Recording, folder: str) -> None:
        self._seen = seen
        self._start = folder
        self._folders: dict[int, _Folder] = {}
        self._is_in_system = _SYSTEM.match(f"{folder}/") is not None

    @property
    def still_there(self) -> int:
        """How many processes and threads have not ended."""
        return len(self._folders)

    def read(self, lines: Iterable[str]) -> None:
        """Note what the calls in some lines have done; what is not understood is passed over."""
        for call in calls_in(lines):
            if not call.text:
                self._folders.pop(call.process, None)
                continue
            name, _, rest = call.text.partition("(")
            known = _CALLS.get(name)
            match = None if known is None else known[0].fullmatch(rest)
            if known is not None and match is not None:
                with suppress(ValueError):  # escapes that strace never writes
                    known[1](self, call, self._folder_of(call.process), match)

    def _folder_of(self, process: int) -> _Folder:
        folder = self._folders.get(process)
        if folder is None:
            folder = self._folders[process] = [self._start]
        return folder

    def note(self, act: Act, path: str, folder: str, call: Call) -> None:
        """Note what was done with a path."""
        if not path or (not self._is_in_system and _SYSTEM.match(path)):
            return
        # What is written in this way was changed since it all began: nothing else is sure, since
        # the clock of file systems lags behind.
        at_ns = self._seen.began_ns if act is Act.EITHER else call.at_ns
        self._seen.note(Event(act, path, "" if path.startswith("/") else folder), at_ns)

    def opened(self, call: Call, folder: _Folder, match: "re.Match[str]") -> None:
        """Note that a file was opened, or could not be."""
        *at, path, flags, result, error = match.groups()
        act = _act_of(frozenset(flags.split("|")), None if int(result) >= 0 else error)
        if act is not None:
            self.note(act, _plain(path), _base(at, folder), call)

    def created(self, call: Call, folder: _Folder, match: "re.Match[str]") -> None:
        """Note that something was made, or changed by its name."""
        *at, path, result, _ = match.groups()
        if int(result) >= 0:
            self.note(Act.WRITTEN, _plain(path), _base(at, folder), call)

    def removed(self, call: Call, folder: _Folder, match: "re.Match[str]") -> None:
        """Note that something was removed."""
        *at, path, result, _ = match.groups()
        if int(result) >= 0:
            self.note(Act.REMOVED, _plain(path), _base(at, folder), call)

    def moved(self, call: Call, folder: _Folder, match: "re.Match[str]") -> None:
        """Note that something has another name: its content goes with it."""
        *names, result, _ = match.groups()
        half = len(names) // 2
        if int(result) >= 0:
            source, target = (
                (_plain(path), _base(at, folder)) for *at, path in (names[:half], names[half:])
            )
            self.note(Act.READ, *source, call)
            if call.text.startswith("rename"):
                self.note(Act.REMOVED, *source, call)
            self.note(Act.WRITTEN, *target, call)

    def executed(self, call: Call, folder: _Folder, match: "re.Match[str]") -> None:
        """Note that a program was started, or could not be."""
        *at, path, result, error = match.groups()
        act = _act_of(frozenset(), None if int(result) >= 0 else error)
        if act is not None:
            self.note(act, _plain(path), _base(at, folder), call)

    def listed(self, call: Call, _: _Folder, match: "re.Match[str]") -> None:
        """Note that the names in a folder were listed."""
        path, result = match.group(2, 3)
        if path is not None and int(result) >= 0:
            self.note(Act.LISTED, _plain(path), "", call)

    def went(self, _: Call, folder: _Folder, match: "re.Match[str]") -> None:
        """Take that a process has gone to another folder."""
        path, result = match.group(1, 2)
        if int(result) >= 0:
            folder[0] = os.path.join(folder[0], _plain(path))  # noqa: PTH118 - quick

    def went_to_open(self, _: Call, folder: _Folder, match: "re.Match[str]") -> None:
        """Take that a process has gone to a folder that it had open."""
        path, result = match.group(2, 3)
        if path is not None and int(result) >= 0:
            folder[0] = _plain(path)

    def forked(self, call: Call, folder: _Folder, match: "re.Match[str]") -> None:
        """Take that a process has started another one, or a thread, which begins where it is."""
        result = match[1]
        if int(result) > 0:
            is_shared = "CLONE_FS" in call.text
            self._folders[int(result)] = folder if is_shared else list(folder)


def _act_of(flags: frozenset[str], error: str | None) -> Act | None:
    """Return what opening a file with some flags did."""
    if error in _MISSING:
        return None if "O_CREAT" in flags else Act.MISSED
    if error is not None:
        is_read = error in _REFUSED and flags.isdisjoint({"O_WRONLY", "O_RDWR"})
        return Act.READ if is_read else None
    if not flags.isdisjoint({"O_WRONLY", "O_TRUNC"}) or {"O_CREAT", "O_EXCL"} <= flags:
        return Act.WRITTEN
    if not flags.isdisjoint({"O_RDWR", "O_CREAT"}):
        return Act.EITHER
    return Act.READ if flags.isdisjoint({"O_DIRECTORY", "O_PATH", "O_TMPFILE"}) else None


def _base(at: list[str | None], folder: _Folder) -> str:
    """Return the folder that a name is relative to, and take where the process is if that is said.

    Args:
        at: A descriptor and its path; empty if the call takes none.
        folder: Where the process is.
    """
    if not at:
        return folder[0]
    descriptor, path = at
    if descriptor != "AT_FDCWD":
        return "" if path is None else _plain(path)
    if path is not None:
        folder[0] = _plain(path)
    return folder[0]


def _plain(text: str) -> str:
    r"""Return a path without the escapes that strace writes.

    >>> _plain(r"caf\303\251"), _plain(r"two\nlines \"and\" \74more\76")
    ('café', 'two\nlines "and" <more>')
    """
    if "\\" not in text:
        return text
    return os.fsdecode(_ESCAPE.sub(_unescaped, text.encode("latin-1")))


def _unescaped(match: "re.Match[bytes]") -> bytes:
    number, sign = match.groups()
    return _SIGNS.get(sign, sign) if number is None else bytes([int(number, 8) & 0xFF])


_Handler = Callable[[Reader, Call, _Folder, "re.Match[str]"], None]


def _calls(handler: _Handler, **forms: str) -> dict[str, tuple["re.Pattern[str]", _Handler]]:
    return {
        name: (re.compile(form + _RESULT, re.ASCII | re.DOTALL), handler)
        for name, form in forms.items()
    }


_CALLS: Final[Mapping[str, tuple["re.Pattern[str]", _Handler]]] = MappingProxyType(
    {
        **_calls(
            Reader.opened,
            open=f"{_TEXT}, {_FLAGS}",
            openat=f"{_AT}, {_TEXT}, {_FLAGS}",
            openat2=rf"{_AT}, {_TEXT}, \{{flags=([\w|]+)[^}}]*\}}, \d+",
        ),
        **_calls(
            Reader.created,
            creat=f"{_TEXT}, 0\\d*",
            mkdir=f"{_TEXT}, 0\\d*",
            mkdirat=f"{_AT}, {_TEXT}, 0\\d*",
            truncate=f"{_TEXT}, \\d+",
            symlink=f"{_TEXT.replace('(', '(?:', 1)}, {_TEXT}",
            symlinkat=f"{_TEXT.replace('(', '(?:', 1)}, {_AT}, {_TEXT}",
        ),
        **_calls(
            Reader.removed,
            unlink=_TEXT,
            unlinkat=rf"{_AT}, {_TEXT}, [\w|]+",
            rmdir=_TEXT,
        ),
        **_calls(
            Reader.moved,
            rename=f"{_TEXT}, {_TEXT}",
            renameat=f"{_AT}, {_TEXT}, {_AT}, {_TEXT}",
            renameat2=rf"{_AT}, {_TEXT}, {_AT}, {_TEXT}, [\w|]+",
            link=f"{_TEXT}, {_TEXT}",
            linkat=rf"{_AT}, {_TEXT}, {_AT}, {_TEXT}, [\w|]+",
        ),
        **_calls(
            Reader.executed,
            execve=f"{_TEXT}, .*",
            execveat=f"{_AT}, {_TEXT}, .*",
        ),
        **_calls(Reader.listed, getdents=f"{_AT}, .*", getdents64=f"{_AT}, .*"),
        **_calls(Reader.went, chdir=_TEXT),
        **_calls(Reader.went_to_open, fchdir=_AT),
        **_calls(Reader.forked, clone=".*", clone3=".*", fork="", vfork=""),
    }
)
TRACED: Final = tuple(_CALLS)
"""The names of the calls that have to be traced."""
