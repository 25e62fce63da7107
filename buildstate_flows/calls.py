"""One call of a milestone: what would run, and what it is compared by."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from buildstate_core.errors import InvalidInput
from buildstate_core.fingerprint import code_parts, input_parts, param_parts
from buildstate_core.models import Artifact as Recorded
from buildstate_core.models import Build
from buildstate_core.runner import Milestone
from buildstate_core.vocabulary import TRUNK, Kind
from buildstate_flows.arguments import Result, replaced, results_in
from buildstate_flows.handle import Handle
from buildstate_flows.lazy import Artifact
from buildstate_flows.results import is_named


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What a milestone is, whatever it is called with.

    Attributes:
        function: The user's function.
        name: For messages.
        state: Its state.
        lane: Its lane, or a template that names parameters: `{region}`.
        kind: What it does, if that was said.
        inputs: Files whose content decides "unchanged".
        version: Stands for the code, if it is given.
    """

    function: Callable[..., Any]
    name: str
    state: int
    lane: str
    kind: Kind | None
    inputs: Sequence[str]
    version: str | None


@dataclass(frozen=True, kw_only=True)
class Call:
    """A milestone with what it is called with.

    Attributes:
        parameters: By name, with defaults.
        lane: The lane that this call works in.
    """

    recipe: Recipe
    parameters: Mapping[str, Any]
    lane: str

    @classmethod
    def of(cls, recipe: Recipe, parameters: Mapping[str, Any]) -> "Call":
        """Make one; the lane may depend on the parameters.

        Raises:
            InvalidInput: The lane's template names something else.
        """
        try:
            lane = recipe.lane.format_map(parameters)
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            raise InvalidInput(
                f"The lane {recipe.lane!r} of {recipe.name} names what is no parameter of it.",
                code="bad-lane",
                field="lane",
                hint=f"It has {', '.join(parameters) or 'none'}; write the name in braces.",
            ) from error
        return cls(recipe=recipe, parameters=parameters, lane=lane)

    @property
    def key(self) -> tuple[str, int]:
        """Names the milestone in its build."""
        return self.lane, self.recipe.state

    def results(self) -> list[Result]:
        """Give the results of milestones that it is called with."""
        return list(results_in(dict(self.parameters)))

    def to_claim(
        self, build: Build, machine: Sequence[UUID], *, lease_seconds: int, is_rewound: bool
    ) -> Milestone:
        """Give it as it is asked for.

        Args:
            build: The build.
            machine: The attempts whose results this pass's machine holds.
            lease_seconds: After how long without a heartbeat the claim is lost.
            is_rewound: No later checkpoint stands in for it.
        """
        recorded = [each.record for each in self.results()]
        consumed = {
            each.state for each in recorded if each is not None and self._sees(each, build.number)
        }
        return Milestone(
            build=build.id,
            lease_seconds=lease_seconds,
            state=self.recipe.state,
            lane=self.lane,
            kind=self.recipe.kind,
            fingerprint=self._fingerprint(build.number),
            consumes=sorted(consumed),
            machine=machine,
            is_rewound=is_rewound,
        )

    def _sees(self, record: Recorded, number: int) -> bool:
        """Whether the service compares it: of this build, below, in this lane or the trunk."""
        return (
            record.build == number
            and record.state < self.recipe.state
            and record.lane in {TRUNK, self.lane}
        )

    def _fingerprint(self, number: int) -> dict[str, str]:
        plain = {
            name: replaced(value, lambda each: self._stand_in(each, number))
            for name, value in self.parameters.items()
        }
        return {
            **self._code(),
            **input_parts(self.recipe.inputs, folder=Path.cwd()),
            **param_parts(plain),
        }

    def _code(self) -> dict[str, str]:
        version = self.recipe.version
        if version is None:
            return code_parts(self.recipe.function)
        return {"code": hashlib.sha256(f"version {version}".encode()).hexdigest()}

    def _stand_in(self, value: Any, number: int) -> Any:
        """Give what stands for a result in a parameter's digest.

        Which state made it, where the service compares the content; else the content.
        """
        if not isinstance(value, Artifact | Handle):
            return value
        record = value.record
        if record is not None and self._sees(record, number):
            return {"result of": [record.state, record.name if is_named(record) else None]}
        if isinstance(value, Handle):
            return {"handle": [value.kind, value.id, dict(value.attributes)]}
        return {"artifact": value.checksum or value.uri}
