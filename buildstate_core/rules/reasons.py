"""Why a milestone is skipped or run: stable codes, and their text for people.

A code may carry what it is about behind a colon: `recipe_changed:command`, `covered_by:50`. So do
the codes that say why an artifact is kept or given up: `open_build:123`, `too_old:30`.
"""

from typing import Final

NEVER_COMPLETED: Final = "never_completed"
FAILED_BEFORE: Final = "failed_before"
LOST_WORKER: Final = "lost_worker"
ARTIFACT_GONE: Final = "artifact_gone"
ARTIFACT_CORRUPT: Final = "artifact_corrupt"
NOT_RESTORABLE: Final = "not_restorable"
REWOUND: Final = "rewound"
EFFECT_GONE: Final = "effect_gone"
EXPIRED: Final = "expired"
REVOKED: Final = "revoked"
FORCED: Final = "forced"
UNCHANGED: Final = "unchanged"
WAIVED: Final = "waived"
NOT_ON_THIS_MACHINE: Final = "not_on_this_machine"
HELD: Final = "held"
BUILD_CLOSED: Final = "build_closed"

ON_HOLD: Final = "on_hold"
DELIVERED: Final = "delivered"
RECENT_DELIVERY: Final = "recent_delivery"
NO_POLICY: Final = "no_policy"
PAST_EXPIRY: Final = "past_expiry"

OUTPUTS_CHANGED: Final = "outputs_changed"

_RECIPE_CHANGED = "recipe_changed"
_INPUT_CHANGED = "input_changed"
_INPUT_ADDED = "input_added"
_INPUT_REMOVED = "input_removed"
_DISCOVERED_CHANGED = "discovered_changed"
_UPSTREAM_CHANGED = "upstream_changed"
_PAST_MAX_AGE = "past_max_age"
_HELD_BELOW = "held_below"
_INSIDE = "inside"
_COVERED_BY = "covered_by"
_DERIVED_FROM = "derived_from"
_OPEN_BUILD = "open_build"
_YOUNG = "young"
_TOO_OLD = "too_old"

_FILES: Final = frozenset({"input", "found"})
_ANOTHER_WORKER: Final = "another worker"
_TEXTS: Final = {
    NEVER_COMPLETED: "it has not been completed yet",
    FAILED_BEFORE: "its newest attempt failed",
    LOST_WORKER: "the worker that had it stopped answering",
    ARTIFACT_GONE: "its artifact is gone from storage",
    ARTIFACT_CORRUPT: "its artifact does not have the recorded content",
    EFFECT_GONE: "its probe says that what it did no longer holds",
    NOT_RESTORABLE: "it only changed a machine, and no later checkpoint covers it",
    REWOUND: "it was skipped, but a later milestone has to start from before it",
    NOT_ON_THIS_MACHINE: "it changed a working machine, and this is another one or was changed"
    " since",
    EXPIRED: "its artifact has expired",
    REVOKED: "its artifact was revoked",
    FORCED: "a person asked for it to run again",
    UNCHANGED: "it is done, and nothing that goes into it has changed",
    WAIVED: "a person said that it is not needed",
    HELD: f"it is held by {_ANOTHER_WORKER}",
    _INSIDE: "it is called from inside of state {}, which has to end first",
    _HELD_BELOW: f"state {{}}, which it builds on, is held by {_ANOTHER_WORKER}",
    BUILD_CLOSED: "the build is closed",
    _RECIPE_CHANGED: "its recipe has changed: {}",
    _INPUT_CHANGED: "an input has changed: {}",
    _INPUT_ADDED: "an input was added: {}",
    _INPUT_REMOVED: "an input was removed: {}",
    _DISCOVERED_CHANGED: "{}, which it read, has changed",
    OUTPUTS_CHANGED: "other artifacts are to be made than then",
    _PAST_MAX_AGE: "it was done more days ago than may be: {}",
    _UPSTREAM_CHANGED: "what state {} made is new, or has changed",
    _COVERED_BY: "the checkpoint at state {} includes it",
    _DERIVED_FROM: "it was done in build {}, which this one derives from",
}

_ABOUT_KEEPING: Final = {
    ON_HOLD: "a person wants it to be kept",
    DELIVERED: "it is what its build delivered",
    RECENT_DELIVERY: "its build is one of the newest that were delivered",
    NO_POLICY: "the project has no retention policy",
    PAST_EXPIRY: "its expires_at has passed, and no open build needs it",
    _OPEN_BUILD: "build {} is open and could resume from it",
    _YOUNG: "it is less than {} days old",
    _TOO_OLD: "it is older than {} days, and no open build needs it",
}


def part_changed(part: str) -> str:
    """Return the reason for a changed part of a fingerprint.

    >>> part_changed("command"), part_changed("input:hosts"), part_changed("upstream:10")
    ('recipe_changed:command', 'input_changed:hosts', 'upstream_changed:10')
    >>> part_changed("discovered:conf/hosts"), part_changed("found:harden.sh")
    ('discovered_changed:conf/hosts', 'input_changed:harden.sh')
    """
    prefix, _, rest = part.partition(":")
    if prefix in _FILES:
        return f"{_INPUT_CHANGED}:{rest}"
    if part == "outputs":
        return OUTPUTS_CHANGED
    if prefix == "upstream":
        return f"{_UPSTREAM_CHANGED}:{rest}"
    if prefix == "discovered":
        return f"{_DISCOVERED_CHANGED}:{rest}"
    return f"{_RECIPE_CHANGED}:{part}"


def part_added(part: str) -> str:
    """Return the reason for a part of a fingerprint that is declared now and was not then.

    >>> part_added("input:hosts"), part_added("param:os")
    ('input_added:hosts', 'recipe_changed:param:os')
    """
    return _declared(part, _INPUT_ADDED)


def part_removed(part: str) -> str:
    """Return the reason for a part of a fingerprint that was declared then and is not now.

    >>> part_removed("input:hosts")
    'input_removed:hosts'
    """
    return _declared(part, _INPUT_REMOVED)


def _declared(part: str, code: str) -> str:
    prefix, _, rest = part.partition(":")
    return f"{code}:{rest}" if prefix in _FILES else part_changed(part)


def past_max_age(days: int) -> str:
    """Return the reason for what was done longer ago than its user wants to rely on."""
    return f"{_PAST_MAX_AGE}:{days}"


def upstream_changed(state: int) -> str:
    """Return the reason for a state whose result was made anew and may differ."""
    return f"{_UPSTREAM_CHANGED}:{state}"


def inside(state: int) -> str:
    """Return the reason for refusing a call from inside of a state that has to end first."""
    return f"{_INSIDE}:{state}"


def held_below(state: int) -> str:
    """Return the reason for waiting for a state below that somebody is at work on."""
    return f"{_HELD_BELOW}:{state}"


def covered_by(state: int) -> str:
    """Return the reason for a step that a later checkpoint includes."""
    return f"{_COVERED_BY}:{state}"


def derived_from(build: int) -> str:
    """Return the reason for what another build has done, from which this one derives."""
    return f"{_DERIVED_FROM}:{build}"


def open_build(build: int) -> str:
    """Return the reason for an artifact that a build which is not finished may need."""
    return f"{_OPEN_BUILD}:{build}"


def young(days: int) -> str:
    """Return the reason for an artifact that has not reached the policy's age."""
    return f"{_YOUNG}:{days}"


def too_old(days: int) -> str:
    """Return the reason for an artifact that has reached the policy's age."""
    return f"{_TOO_OLD}:{days}"


def describe(reason: str) -> str:
    """Return a reason in words; a code from a newer release is returned unchanged.

    >>> describe("covered_by:50")
    'the checkpoint at state 50 includes it'
    """
    code, _, rest = reason.partition(":")
    text = _TEXTS.get(code) or _ABOUT_KEEPING.get(code)
    return reason if text is None else text.format(rest)


def describe_wait(reason: str, holder: str | None) -> str:
    """Return in words why a milestone is waited for, and for whom.

    >>> describe_wait("held", "build-2"), describe_wait("held_below:30", None)
    ('it is held by build-2', 'state 30, which it builds on, is held by another worker')
    """
    return describe(reason).removesuffix(_ANOTHER_WORKER) + (holder or _ANOTHER_WORKER)
