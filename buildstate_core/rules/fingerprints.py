"""Whether what goes into a milestone is the same as before, part by part.

Each own part carries the name of the recorder that made its digest: `2:` and the digest. Those of
the first recorder have no name. A digest by one recorder says nothing about one by another.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from buildstate_core.rules.facts import AttemptFact
from buildstate_core.vocabulary import MAX_STATE

_UPSTREAM: Final = "upstream:"
_INPUT: Final = "input:"
_FOUND: Final = "found:"
_DECLARED: Final = (_INPUT, "param:", "tool:", "declared:", "outputs")
_STDIN: Final = "stdin"
_ONCE_SEEN: Final = (_FOUND, _STDIN)
"""What was seen to go into it then, and is not there now, is a change. What comes up only now may
have been made or left unread then, which is why it was not recorded."""

_EXECUTABLE: Final = "+x"
_STEP: Final = "step:"
_ATTEMPT: Final = "attempt:"
_UNVERIFIED: Final = "unverified:"
_AND: Final = ";"
_MAX_DIGITS: Final = len(str(MAX_STATE))
_RECORDER: Final = "2:"
"""The name of the recorder of this release. Where it changes, the one before it is kept, for
attempts that it recorded: see `Recipe.older`."""


def recorded(digest: str) -> str:
    """Return a digest with the name of this release's recorder.

    >>> recorded("aa")
    '2:aa'
    """
    return f"{_RECORDER}{digest}"


def unstable(attempt: str) -> str:
    """Return what stands for the digest of what changed while an attempt may have read it.

    It is the same as nothing else.

    >>> unstable("0198")
    'unstable:0198'
    """
    return f"unstable:{attempt}"


def are_of_one_recorder(one: str, other: str) -> bool:
    """Return whether two digests can be compared: one recorder made them.

    >>> are_of_one_recorder("2:aa", "2:bb"), are_of_one_recorder("aa", "2:aa")
    (True, False)
    """
    return one.startswith(_RECORDER) == other.startswith(_RECORDER)


def is_of_older_recorder(fingerprint: Mapping[str, str]) -> bool:
    """Return whether the release before made the parts that say what would run."""
    own = [digest for part, digest in fingerprint.items() if upstream_state(part) is None]
    return not any(digest.startswith(_RECORDER) for digest in own)


def changed_part(old: Mapping[str, str], new: Mapping[str, str]) -> str | None:
    """Return the name of the first part that differs, in alphabetical order, or `None`.

    A part that either side lacks is unknown and does not count as changed: a later release that
    records a new part, or a caller that cannot know one, must not rebuild every image.

    Args:
        old: Part name to digest, as recorded.
        new: The same, of what would run now.

    >>> changed_part({"code": "aa"}, {"code": "aa", "param:os": "bb"})
    >>> changed_part({"code": "aa"}, {"code": "cc"})
    'code'
    """
    shared = sorted(old.keys() & new.keys())
    return next((part for part in shared if old[part] != new[part]), None)


def declared_on_one_side(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """Return the parts that were declared then and are not now, or the reverse.

    Every release records these, so that one that is missing was not there. What was only seen then
    and is not there now is returned as well. Only where one side says nothing at all of what would
    run, nothing is known.

    Args:
        old: Part name to digest, as recorded.
        new: The same, of what would run now.

    Returns:
        The parts' names, in alphabetical order.

    >>> declared_on_one_side({"code": "aa", "param:os": "bb"}, {"code": "aa", "input:hosts": "cc"})
    ['input:hosts', 'param:os']
    >>> declared_on_one_side({"command": "aa", "found:a": "bb"}, {"command": "aa", "found:b": "bb"})
    ['found:a']
    >>> declared_on_one_side({"code": "aa", "param:os": "bb"}, {})
    []
    """
    before, now = ({part for part in each if upstream_state(part) is None} for each in (old, new))
    if not before or not now:
        return []
    declared = {part for part in before ^ now if part.startswith(_DECLARED)}
    gone = {part for part in before - now if part.startswith(_ONCE_SEEN)}
    return sorted(declared | gone)


def with_one_name(
    old: Mapping[str, str], new: Mapping[str, str], reads: Mapping[str, str]
) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return two fingerprints in which a file has one name, whoever has named it.

    A file that was found in a command's words, or that was seen to be read, may be declared later,
    or the reverse: only its content counts.

    Args:
        old: Part name to digest, as recorded.
        new: The same, of what would run now.
        reads: The digests of files that were seen to be read then, by path.

    >>> with_one_name({"found:a": "2:bb"}, {"input:a": "2:bb"}, {})
    ({'input:a': '2:bb'}, {'input:a': '2:bb'})
    """
    seen = {f"{_INPUT}{path}": recorded(digest) for path, digest in reads.items()}
    declared = {part for part in (*old, *new) if part.startswith(_INPUT)}
    before = {_named_in(part, declared): digest for part, digest in old.items()}
    now = {_named_in(part, declared): digest for part, digest in new.items()}
    for part in (now.keys() - before.keys()) & seen.keys():
        # Whether it could be executed was not recorded of what was only read.
        before[part] = seen[part] + (_EXECUTABLE if now[part].endswith(_EXECUTABLE) else "")
    return before, now


def _named_in(part: str, declared: Collection[str]) -> str:
    name = f"{_INPUT}{part.removeprefix(_FOUND)}"
    return name if part.startswith(_FOUND) and name in declared else part


def is_of_files(part: str) -> bool:
    """Return whether a part is of something that is read, and may change while that is done.

    >>> is_of_files("found:harden.sh"), is_of_files("stdin"), is_of_files("upstream:10")
    (True, True, False)
    """
    return part == _STDIN or part.startswith((_INPUT, _FOUND))


def revised(fingerprint: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """Return a fingerprint as it turned out when the work was done.

    Args:
        fingerprint: As it was when the attempt began.
        changes: Part name to digest; `None` for what is no input after all. What the fingerprint
            does not have is left out.
    """
    known = {part: digest for part, digest in changes.items() if part in fingerprint}
    after = {**fingerprint, **known}
    return {part: digest for part, digest in after.items() if digest is not None}


def step_digest(attempt: AttemptFact) -> str:
    """Return what names a step, for machines that hold it: a digest of what went into it.

    It names the steps below as well, down to the checkpoint that they began from. Where nothing is
    known of what went into it, it is the attempt's own id. A step that was repeated unchanged has
    the digest of the one that it repeats, whatever else was recorded about it.
    """
    return step_digest_of(attempt.id, attempt.fingerprint, attempt.identity)


def step_digest_of(attempt: str, fingerprint: Mapping[str, str], identity: str | None) -> str:
    """Return the digest of a step by what is recorded of its attempt. As `step_digest`."""
    if identity is not None:
        return identity
    if not fingerprint:
        return f"{_ATTEMPT}{attempt}"
    parts = "\n".join(f"{part}={digest}" for part, digest in sorted(fingerprint.items()))
    return f"{_STEP}{hashlib.sha256(parts.encode()).hexdigest()}"


def upstream_part(attempt: AttemptFact) -> tuple[str, str] | None:
    """Return the fingerprint part for work that builds on what an attempt left.

    For a step its value is the step's digest; there is none for a step that was only reported. For
    others it holds the digests of the artifacts by name; there is none if one was never verified.
    """
    if attempt.changed_a_machine_only:
        value = step_digest(attempt) if attempt.is_claimed else None
    else:
        value = _digest_of_artifacts(attempt)
    return None if value is None else (f"{_UPSTREAM}{attempt.state}", value)


def upstream_parts(
    taken: tuple[AttemptFact, ...], steps: tuple[AttemptFact, ...]
) -> dict[str, str]:
    """Return the fingerprint parts of work that takes artifacts, and stands on steps.

    Args:
        taken: The attempts whose artifacts it takes. One may be a step that left values.
        steps: The steps that changed the machine since.
    """
    parts = dict(filter(None, map(upstream_part, steps)))
    for each in taken:
        part, digest = f"{_UPSTREAM}{each.state}", _digest_of_artifacts(each)
        if digest is not None:
            parts[part] = f"{parts[part]}{_AND}{digest}" if part in parts else digest
    return parts


def is_step_alone(value: str) -> bool:
    """Return whether an upstream part is of a step on the machine, whose values were not taken."""
    return value.startswith((_STEP, _ATTEMPT)) and _AND not in value


def includes_step(fingerprint: Mapping[str, str], step: AttemptFact) -> bool:
    """Return whether a fingerprint says that its milestone was built on a step like this one."""
    recorded = fingerprint.get(f"{_UPSTREAM}{step.state}", "")
    return step.is_claimed and recorded.partition(_AND)[0] == step_digest(step)


def unverified(uri: str) -> str:
    """Return what stands for the digest of bytes that nobody has verified yet: where they are."""
    return f"{_UNVERIFIED}{hashlib.sha256(uri.encode()).hexdigest()}"


def is_unverified(value: str) -> bool:
    """Return whether an upstream part is of bytes that nobody had verified."""
    return _UNVERIFIED in value


def with_verified(
    fingerprint: Mapping[str, str], restored: Iterable[AttemptFact]
) -> dict[str, str]:
    """Return a fingerprint in which bytes that were verified since are known by their digests.

    Whoever restores what nobody has verified verifies it, and knows then what it was built on.

    Args:
        fingerprint: As it was when the attempt began.
        restored: The attempts whose artifacts it took.
    """
    found = dict(fingerprint)
    for part, value in filter(None, map(upstream_part, restored)):
        if is_unverified(found.get(part, "")):
            found[part] = value
    return found


def upstream_state(part: str) -> int | None:
    """Return the state that a part of a fingerprint is about, or `None` if it is about no state.

    >>> upstream_state("upstream:10"), upstream_state("command"), upstream_state("upstream:x")
    (10, None, None)
    """
    prefix, _, state = part.partition(_UPSTREAM)
    return int(state) if not prefix and state.isdecimal() and len(state) <= _MAX_DIGITS else None


def upstream_states(parts: Iterable[str]) -> list[int]:
    """Return the states, ascending, that the parts of a fingerprint say it was built on."""
    found = (upstream_state(part) for part in parts)
    return sorted(state for state in found if state is not None)


def _digest_of_artifacts(attempt: AttemptFact) -> str | None:
    named = sorted((each.name, each.digest) for each in attempt.artifacts if each.digest)
    if not attempt.artifacts or len(named) < len(attempt.artifacts):
        return None
    if len(named) == 1:
        return named[0][1]
    return ",".join(f"{name}={value}" for name, value in named)
