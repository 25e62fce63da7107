"""What a command is seen to read, by strace.

    strace = find_strace(environ)                 # or it says what is missing
    refuse_setuid(command, environ)
    with Trace(strace, command, folder=folder, environ=environ) as trace:
        ...                                       # `trace.words()` is run, and ends
        judged = judge_command(trace, scope, attempt, digests=digests, made=made)
    ...                                           # judged.reads are sent with the completion

Seen is what all processes of the command open, run, list, make, rename and remove, by name. Not
seen are what a daemon does for it (`docker build`, libvirt, another host over ssh), whether
something exists (`stat`, `test -e`), what it inherits as open, what `io_uring` opens, and which
folder is the root after a `chroot`.
"""

from buildstate_worker.reads.tracing.commands import NOTHING, judge_command, written_by
from buildstate_worker.reads.tracing.setuid import refuse_setuid
from buildstate_worker.reads.tracing.strace import Strace, find_strace
from buildstate_worker.reads.tracing.trace import Trace

__all__ = [
    "NOTHING",
    "Strace",
    "Trace",
    "find_strace",
    "judge_command",
    "refuse_setuid",
    "written_by",
]
