"""What is seen to be read without having been declared, and whether that has changed since.

An audit hook notes what is opened and listed while a function runs. What of it is an input is
judged when the function has ended; a later skip compares it again.

    arguments = Arguments({"hosts": Path("hosts")}, scope)
    with recording() as seen:
        ...                                       # the function
    judged = judge(seen, scope, arguments, state=25, digests=digests, made=made, wording=FUNCTION)
    ...                                           # judged.reads are sent with the completion
    compared = compare(claim.discovered, scope, digests=digests, made=made)

Seen are Python's own opens and listings, and the words that child processes are given. Not seen are
files that C libraries open by themselves, descriptors that were opened before, names relative to
one, what children read, and whether something exists (`Path.exists`). Of commands `tracing` sees
what all their processes open.
"""

from buildstate_worker.reads.arguments import Arguments
from buildstate_worker.reads.comparing import Compared, compare
from buildstate_worker.reads.digests import Digests
from buildstate_worker.reads.hook import Recording, recording
from buildstate_worker.reads.judging import Judged, judge, loaded_modules, written
from buildstate_worker.reads.made import Made
from buildstate_worker.reads.project import Project
from buildstate_worker.reads.scope import Scope
from buildstate_worker.reads.wording import COMMAND, FUNCTION, Wording

__all__ = [
    "COMMAND",
    "FUNCTION",
    "Arguments",
    "Compared",
    "Digests",
    "Judged",
    "Made",
    "Project",
    "Recording",
    "Scope",
    "Wording",
    "compare",
    "judge",
    "loaded_modules",
    "recording",
    "written",
]
