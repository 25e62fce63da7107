"""Where a working machine has to be before a milestone runs, and what has to run first for that.

A checkpoint is always put back, which moves nothing if it is there unchanged: a machine is not
trusted. Only a step, which leaves nothing to put back, is taken on the machine's word. A machine
holds a step by the step's digest: whoever did the same to the same has the same.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from buildstate_core.rules import reasons
from buildstate_core.rules.facts import AttemptFact
from buildstate_core.rules.fingerprints import step_digest
from buildstate_core.rules.skipping import why_not_recorded, why_out_of_use


@dataclass(frozen=True)
class Missing:
    """A milestone that has to run before another one can.

    Attributes:
        because: Its newest attempt; `None` if there is none.
        why: Why it has to run, as a code.
    """

    state: int
    because: AttemptFact | None
    why: str

    @classmethod
    def of(cls, attempt: AttemptFact) -> "Missing":
        """Return that an attempt's milestone has to run, since its result cannot be used."""
        unusable = attempt.unusable_artifact
        why = why_not_recorded(attempt) or (unusable and why_out_of_use(unusable))
        return cls(attempt.state, attempt, why or reasons.NEVER_COMPLETED)


def stand(
    below: Mapping[int, AttemptFact],
    machine: Collection[str] | None,
    *,
    repeated: Collection[int] = (),
) -> AttemptFact | Missing | None:
    """Return where the machine has to be: at a step that it holds, or at a checkpoint.

    Args:
        below: The newest attempts below the milestone, by state.
        machine: The digests of the steps that the machine holds; `None` if that is not known.
        repeated: The steps that somebody is repeating now.

    Returns:
        The step or the checkpoint; `None` if there is neither. Or what is missing for that.
    """
    steps: list[AttemptFact] = []
    for _, attempt in sorted(below.items(), reverse=True):
        if attempt.unusable_artifact is not None or attempt.is_forced:
            return Missing.of(attempt)
        if attempt.is_checkpoint:
            return _lacking(steps, machine, repeated) or attempt
        if attempt.changed_a_machine_only:
            if machine is not None and step_digest(attempt) in machine:
                return _lacking(steps, machine, repeated) or attempt
            steps.append(attempt)
    return _lacking(steps, machine, repeated)


def _lacking(
    steps: Sequence[AttemptFact], machine: Collection[str] | None, repeated: Collection[int]
) -> Missing | None:
    """Return the lowest claimed step that a machine lacks; reported ones are not ours to judge."""
    lacked = [
        each
        for each in steps
        if each.is_claimed and (machine is not None or each.state in repeated)
    ]
    return Missing(lacked[-1].state, lacked[-1], reasons.NOT_ON_THIS_MACHINE) if lacked else None
