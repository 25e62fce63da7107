"""Tells a story: makes pass after pass over a flow while its project changes, and judges."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from buildstate_core.models import Attempt
from buildstate_core.vocabulary import AttemptStatus

from .machines import Passes
from .oracle import Made, delivered, has_to_run, made_from_nothing
from .pipelines import Flow, Round, Story, edited
from .texts import DIES, TROUBLE, files_of


@dataclass
class Telling:
    """A story as it goes on.

    Attributes:
        key: The build's.
        done: What the newest try at each state has made, if it ended well.
        reasons: Why all that has run did so.
    """

    flow: Flow
    passes: Passes
    key: str
    done: dict[int, Made] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    _machines: int = 0

    def go_through(self, round_: Round) -> None:
        """Let a round happen: changes, then a pass, which is judged.

        Raises:
            AssertionError: Something is not as the oracle says.
        """
        for change in round_.changes:
            self.flow = edited(self.flow, change)
        self._machines += round_.moves
        wanted = list(has_to_run(self.flow, self.done))
        trouble = self.flow.milestones[round_.which % len(self.flow.milestones)].state
        is_met = round_.trouble is not None and trouble in wanted
        if is_met:
            wanted = wanted[: wanted.index(trouble) + 1]
        environ = {TROUBLE.format(state=trouble): round_.trouble} if round_.trouble else {}
        passed = self.passes.make(self._machine, files_of(self.flow), self.key, environ)
        made = self.passes.attempts(self.key)[len(self.reasons) :]
        ran = [each.state for each in made]
        assert set(ran) <= set(wanted), f"ran without need: {ran}, not {wanted}"
        assert ran == wanted, f"what had to run was skipped: {wanted}, not {ran}; {passed}"
        ending = DIES if round_.trouble == "dies" else 1
        assert passed.code == (ending if is_met else 0), passed
        assert is_met or passed.said == delivered(self.flow), "the image that is delivered"
        self._note(made)

    def _note(self, made: Sequence[Attempt]) -> None:
        """Note what has run; the lease of what died runs out."""
        for each in made:
            self.reasons.append(each.reason or "")
            self.done.pop(each.state, None)
            if each.status is AttemptStatus.COMPLETED:
                self.done[each.state] = made_from_nothing(self.flow)[each.state]
            elif each.status.is_live:
                self.passes.service.expire(each.id)

    @property
    def _machine(self) -> Path:
        return self.passes.folder / self.key / f"machine-{self._machines}"


def tell(story: Story, passes: Passes) -> Telling:
    """Tell a story to its end.

    Raises:
        AssertionError: Something is not as the oracle says.
    """
    telling = Telling(story.flow, passes, f"story-{next(passes.numbers)}")
    for each in story.rounds:
        telling.go_through(each)
    telling.go_through(Round())
    return telling
