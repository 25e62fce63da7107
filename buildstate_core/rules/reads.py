"""What functions were seen to read, as far as it makes one step another than before.

What is discovered is stored beside the fingerprint, not in it: it is known only when the work is
done. One digest of all of it goes into the fingerprint of what was done, so that a step that has
read something else is another step. It is never compared with what is about to run, which cannot
know it yet.

Work that is repeated stays the step that it was as long as all that was read before is the same.
What is discovered in addition then changes nothing, and nothing above is made anew.
"""

import hashlib
from collections.abc import Mapping
from typing import Final

from buildstate_core.rules.fingerprints import is_step_alone, upstream_state
from buildstate_core.vocabulary import Seen

READS: Final = "discovered"
"""The part of a fingerprint that stands for all that was seen to be read."""

_CHANGED: Final = "changed"
"""Stands for it while something runs since what it read has changed: it repeats nothing."""

Reads = Mapping[str, tuple[Seen, str | None]]
"""By path: what was seen there, and its digest."""


def that_has_changed(fingerprint: Mapping[str, str]) -> dict[str, str]:
    """Return the fingerprint of what begins since something that it read has changed.

    Where nothing is known of what goes into it, nothing is known of that either.
    """
    return {**fingerprint, READS: _CHANGED} if fingerprint else {}


def with_reads(attempt: str, fingerprint: Mapping[str, str], reads: Reads) -> dict[str, str]:
    """Return the fingerprint of what was done, now that it is known what that has read.

    Args:
        attempt: The attempt's id, which stands for what is never the same as anything.
        fingerprint: As it was granted.
        reads: What it was seen to read.
    """
    declared = {part: digest for part, digest in fingerprint.items() if part != READS}
    if not declared or not _inputs(reads):
        return declared
    return {**declared, READS: attempt if _is_unstable(reads) else digest_of_reads(reads)}


def are_as_before(reads: Reads, before: Reads) -> bool:
    """Return whether all that was read before, and again, is the same.

    What is discovered in addition changes nothing, nor what was not read this time.
    """
    if _is_unstable(reads) or _is_unstable(before):
        return False
    now, then = _inputs(reads), _inputs(before)
    return all(now[path] == then[path] for path in now.keys() & then.keys())


def declares_more(then: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Return whether an input is declared now that may have been read before without that."""
    return READS in then and any(part.startswith("input:") for part in now.keys() - then.keys())


def digest_of_reads(reads: Reads) -> str:
    """Return one digest of all that was seen to be read, in whatever order."""
    inputs = _inputs(reads).items()
    lines = (f"{path}\0{seen}\0{digest or ''}\0" for path, (seen, digest) in inputs)
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def steps_below(fingerprint: Mapping[str, str]) -> frozenset[int]:
    """Return the states of the steps that something was built on.

    What they leave is on every machine that this is done on.

    >>> sorted(steps_below({"upstream:25": "sha256:aa", "upstream:30": "step:bb;sha256:cc"}))
    [30]
    """
    found = (
        upstream_state(part)
        for part, value in fingerprint.items()
        if is_step_alone(value.partition(";")[0])
    )
    return frozenset(state for state in found if state is not None)


def _inputs(reads: Reads) -> Reads:
    """Return what was there before, and not what came up meanwhile."""
    return {path: each for path, each in reads.items() if each[0] is not Seen.LEFT}


def _is_unstable(reads: Reads) -> bool:
    return any(seen is Seen.UNSTABLE for seen, _ in reads.values())
