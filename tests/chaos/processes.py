"""The processes of a pass, found by a variable that they all inherit, and told apart."""

import contextlib
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from buildstate_worker.processes.tree import GUARD

from .plans import Victim

MARK: Final = "BLDST_CHAOS_PASS"
"""The variable that says of which pass a process is."""

_PROC: Final = Path("/proc")
_DEAD: Final = frozenset({b"Z", b"X"})


def marked(prefix: str) -> Mapping[int, int]:
    """Find the processes, and their parents, of all passes whose mark begins so.

    Those that are dead and not yet waited for are left out.
    """
    wanted = f"{MARK}={prefix}".encode()
    found = {}
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            variables = (folder / "environ").read_bytes().split(b"\0")
            if not any(each.startswith(wanted) for each in variables):
                continue
            stat = (folder / "stat").read_bytes().rpartition(b")")[2].split()
            if stat[0] not in _DEAD:
                found[int(folder.name)] = int(stat[1])
    return found


def victims(mark: str, script: int, wanted: Victim) -> list[int]:
    """Give the processes of a pass that an injection is to hit; none if there is no such now.

    Args:
        mark: The pass.
        script: Its shell, from which they descend.
        wanted: What they are.
    """
    parents = marked(mark)
    runner = _child(parents, script, _is_runner)
    guard = _child(parents, runner, _is_guard)
    command = _child(parents, runner, lambda pid: _words(pid)[:2] == [b"sh", b"-c"])
    found = {
        Victim.RUNNER: [runner],
        Victim.RUNNER_AT_WORK: [runner if command else None],
        Victim.COMMAND: [command],
        Victim.GRANDCHILD: [_child(parents, command, lambda _: True)],
        Victim.GUARD: [guard],
        # Who would end the command goes first.
        Victim.RUNNER_AND_GUARD: [guard, runner] if guard and runner else [],
        # The shell goes first, so that it does not go on to the next line.
        Victim.MACHINE: [script, *(parents.keys() - {script})] if parents else [],
    }[wanted]
    return [each for each in found if each is not None]


def shown(pid: int) -> str:
    """Say what a process is."""
    words = b" ".join(_words(pid)).decode(errors="replace")
    return f"{pid} {words[:120]}"


def send(pid: int, number: signal.Signals) -> bool:
    """Send a signal, and say whether there was anybody to get it."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _child(parents: Mapping[int, int], parent: int | None, is_it: object) -> int | None:
    if parent is None:
        return None
    assert callable(is_it)
    return next((pid for pid, each in parents.items() if each == parent and is_it(pid)), None)


def _is_runner(pid: int) -> bool:
    return [Path(os.fsdecode(each)).name for each in _words(pid)[1:3]] == ["bldst", "run"]


def _is_guard(pid: int) -> bool:
    return any(GUARD.encode() in each for each in _words(pid))


def _words(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
