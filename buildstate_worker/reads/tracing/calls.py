"""The system calls that strace has written down, each as a whole, in the order in which they began.

    4711 1700000000.123456 openat(AT_FDCWD</srv>, "hosts", O_RDONLY) = 3</srv/hosts>
    4711 1700000000.123999 vfork( <unfinished ...>
    4712 1700000000.124111 chdir("conf") = 0
    4711 1700000000.125222 <... vfork resumed>) = 4712
    4712 1700000000.126333 +++ exited with 0 +++

A line that is none of these says nothing, and is passed over.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

_UNFINISHED: Final = " <unfinished ...>"
_RESUMED: Final = " resumed>"
_FIELDS: Final = 3
_MICRO: Final = 1000


class Call(NamedTuple):
    """One call.

    Attributes:
        process: The number of the process, or of its thread.
        at_ns: When it began.
        text: Its name, arguments and result; empty: the process has ended.
    """

    process: int
    at_ns: int
    text: str


def calls_in(lines: Iterable[str]) -> Iterator[Call]:
    """Yield the calls in some lines.

    One that was interrupted by other processes' is put together, and comes before theirs: so a
    child's calls come after the one that has started it.
    """
    waiting: deque[Call | None] = deque()
    begun: dict[int, tuple[int, Call]] = {}
    passed = 0
    for line in lines:
        call = _call(line)
        if call is None:
            continue
        if call.text.startswith("<... "):
            place, head = begun.pop(call.process, (-1, call))
            if place >= 0:
                tail = call.text.partition(_RESUMED)[2]
                waiting[place - passed] = head._replace(text=head.text + tail)
        elif call.text.endswith(_UNFINISHED):
            call = call._replace(text=call.text.removesuffix(_UNFINISHED))
            begun[call.process] = (passed + len(waiting), call)
            waiting.append(None)
        else:
            waiting.append(call)
        while waiting and (first := waiting[0]) is not None:
            yield first
            waiting.popleft()
            passed += 1
    yield from (each for each in waiting if each is not None)


def _call(line: str) -> Call | None:
    fields = line.split(None, _FIELDS - 1)
    if len(fields) < _FIELDS:
        return None
    process, time, text = fields
    try:
        at_ns = int(time.replace(".", "")) * _MICRO
        return Call(int(process), at_ns, "" if text.startswith("+++") else text.rstrip("\n"))
    except ValueError:
        return None
