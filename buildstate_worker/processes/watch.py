"""The guard's own program: ends what runs for attempts when their runner cannot.

It reads lines from the runner, which closes the pipe between them by its end, even by SIGKILL::

    started WITHIN             end what starts now, known by its environment
    tree PID START WITHIN      end this command, and all that it started
    below WITHIN SINCE         end all that the runner has started since then
    lease ID UNTIL STOPS TID   an attempt is at work until then, by the monotonic clock; whether it
                               stops before; the thread of the runner that it has, or 0
    over ID                    it is not any more
    close                      there is nothing to end any more

- **The runner is gone.** All is asked to end, and killed within half of the time that is left of
  the shortest lease: whoever takes over begins when nothing of it is left. A runner that has only
  let go of the pipe, and lives on, is not gone: then nothing ends.
- **The runner is frozen**, and an effect's lease runs out. The runner itself stops an effect when
  a margin is left of its lease, and kills it by half of that. What is there then ends here.

Little of the standard library, so that it is there at once.
"""

import contextlib
import os
import select
import time
from typing import Final, NamedTuple

from buildstate_worker.processes.tree import (
    GRACE_SECONDS,
    ProcessTree,
    StartedBy,
    children_of_thread,
)

_LOOK_SECONDS: Final = 1.0
_SHARE_OF_LOOKING: Final = 0.02
_LOOKS: Final = 3
_BETWEEN_LOOKS_SECONDS: Final = 0.1
_CHUNK: Final = 65536


class _Lease(NamedTuple):
    until: float
    stops_before: float  # how long before its end an effect ends here; 0 for what may go on
    thread: int


class _Watch:
    def __init__(self, runner: int) -> None:
        self._runner = runner
        self._since = 0
        self._tree: ProcessTree | None = None
        self._within: str | None = None
        self._leases: dict[str, _Lease] = {}
        self._ended: set[str] = set()
        self._is_closed = False

    def run(self) -> None:
        """Watch until there is nothing to end any more."""
        with _opened(self._runner) as runner:
            read = [0] if runner is None else [0, runner]
            rest, wait = b"", _LOOK_SECONDS
            while not self._is_closed:
                ready = select.select(read, [], [], self._until_next(wait))[0]
                if 0 in ready:
                    got = os.read(0, _CHUNK)
                    lines = (rest + got).split(b"\n")
                    rest = lines.pop()
                    for line in lines:
                        self._take(line.decode().split())
                    if not got:
                        break
                elif ready or os.getppid() != self._runner:
                    break
                wait = self._look()
                self._end_effects()
            is_gone = not self._is_closed and self._has_ended(runner)
        if is_gone:
            self._end_all()

    def _has_ended(self, runner: int | None) -> bool:
        """Return whether the runner is gone, and has not only let go of the pipe.

        Its end closes the pipe first.
        """
        deadline = time.monotonic() + GRACE_SECONDS
        while os.getppid() == self._runner:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if runner is None:
                time.sleep(min(left, _BETWEEN_LOOKS_SECONDS))
            elif select.select([runner], [], [], left)[0]:
                return True
        return True

    def _take(self, words: list[str]) -> None:
        match words:
            case ["started", within]:
                self._tree = ProcessTree({}, within=within)
            case ["tree", pid, start, within]:
                self._tree = ProcessTree.of(int(pid), int(start), within=within)
            case ["below", within, since]:
                self._within, self._since = within, int(since)
                self._tree = self._below()
            case ["lease", name, until, stops_before, thread]:
                self._leases[name] = _Lease(float(until), float(stops_before), int(thread))
            case ["over", name]:
                self._leases.pop(name, None)
            case ["close"]:
                self._is_closed = True

    def _below(self, *threads: int) -> ProcessTree:
        """Return what the runner has started, but not in some of its threads."""
        return ProcessTree(
            {},
            within=self._within,
            below=StartedBy(self._runner, self._since),
            spared=lambda: [
                pid for each in threads for pid in children_of_thread(self._runner, each)
            ],
        )

    def _until_next(self, wait: float) -> float:
        dues = [each.until - each.stops_before for each in self._effects().values()]
        return max(0.0, min([wait, *(due - time.monotonic() for due in dues)]))

    def _effects(self) -> dict[str, _Lease]:
        return {
            name: each
            for name, each in self._leases.items()
            if each.stops_before and name not in self._ended
        }

    def _look(self) -> float:
        """Take in who is there, before their parents are gone; return in how long to look again."""
        began = time.monotonic()
        if self._tree is not None:
            self._tree.look(is_thorough=False)
        return max(_LOOK_SECONDS, (time.monotonic() - began) / _SHARE_OF_LOOKING)

    def _end_effects(self) -> None:
        due = {
            name: each
            for name, each in self._effects().items()
            if time.monotonic() >= each.until - each.stops_before
        }
        if not due or self._tree is None:
            return
        self._ended |= due.keys()
        tree = self._tree
        if self._within is not None:
            others = [each.thread for name, each in self._leases.items() if name not in due]
            tree = self._below(*(set(others) - {each.thread for each in due.values()}))
        with contextlib.suppress(OSError):
            os.write(1, b"ended\n")  # before what is ended can be taken to have ended well
        _end(tree, seconds=min(each.stops_before for each in due.values()) / 2)

    def _end_all(self) -> None:
        if self._tree is not None:
            left = [each.until - time.monotonic() for each in self._leases.values()]
            _end(self._tree, seconds=max(0.0, min([GRACE_SECONDS, *(each / 2 for each in left)])))


def _end(tree: ProcessTree, *, seconds: float) -> None:
    # Looked for more than once: one that was just being started may not be known as theirs yet.
    for _ in range(_LOOKS):
        tree.end(seconds)
        time.sleep(_BETWEEN_LOOKS_SECONDS)


@contextlib.contextmanager
def _opened(pid: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - typing it takes an import
    """Yield what can be waited for until a process has ended; `None` if this system has no such."""
    try:
        found = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    except OSError:
        found = None
    try:
        yield found
    finally:
        if found is not None:
            os.close(found)


def main(runner: int) -> None:
    """Watch until the runner closes the pipe.

    Args:
        runner: Its pid. It may be gone before this has begun, so that it is told.
    """
    _Watch(runner).run()
