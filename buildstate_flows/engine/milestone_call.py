"""One call of a milestone: what would run, and what it is compared by."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from buildstate_core.errors import InvalidInput
from buildstate_core.models import Build, ClaimRequest, Orchestrator
from buildstate_core.vocabulary import TRUNK, Kind
from buildstate_flows.artifact import Artifact
from buildstate_flows.engine.arguments import (
    Form,
    Result,
    forms_of,
    leaves_files,
    replaced,
    results_in,
)
from buildstate_flows.engine.results import is_named
from buildstate_flows.handle import Handle
from buildstate_worker.fingerprint.code import code_parts
from buildstate_worker.fingerprint.inputs import input_parts
from buildstate_worker.fingerprint.params import param_parts
from buildstate_worker.storage_options import StorageOptions


@dataclass(frozen=True, kw_only=True)
class MilestoneSpec:
    """What a milestone is, whatever it is called with.

    Attributes:
        function: The user's function.
        name: For messages.
        state: Its state.
        lane: Its lane, or a template that names parameters: `{region}`.
        kind: What it does, if that was said.
        inputs: Files whose content decides "unchanged".
        version: Stands for the code, if it is given.
        storage_options: How the files that it returns are stored.
        code: Whether the code counts: its own, or `ignore`.
        probe: Looks whether what it did to the world still holds.
        discover: Whether what it is seen to read counts.
        ignore_reads: Globs of what it may read and does not count.
    """

    function: Callable[..., Any]
    name: str
    state: int
    lane: str
    kind: Kind | None
    inputs: Sequence[str]
    version: str | None
    storage_options: StorageOptions
    code: Literal["own", "ignore"] = "own"
    probe: Callable[[Any], Any] | None = None
    discover: bool = True
    ignore_reads: Sequence[str] = ()

    def __getstate__(self) -> dict[str, Any]:
        # In another process the source may not be there, nor all names of the annotations.
        return {
            **self.__dict__,
            "code_parts": self.code_parts,
            "forms": self.forms,
            "leaves_files": self.leaves_files,
        }

    @cached_property
    def code_parts(self) -> Mapping[str, str]:
        """The parts of its fingerprint that are the code; measured once."""
        if self.version is not None:
            return {"code": hashlib.sha256(f"version {self.version}".encode()).hexdigest()}
        return {} if self.code == "ignore" else code_parts(self.function)

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """In which form each parameter takes an artifact; a path, for those left out."""
        return forms_of(self.function)

    @cached_property
    def leaves_files(self) -> bool:
        """Whether it is known to return files."""
        return leaves_files(self.function)

    def lane_of(self, parameters: Mapping[str, Any]) -> str:
        """Return the lane of a call; it may depend on the parameters.

        Raises:
            InvalidInput: The lane's template names something else.
        """
        try:
            return self.lane.format_map(parameters)
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            raise InvalidInput(
                f"The lane {self.lane!r} of {self.name} names what is no parameter of it.",
                code="bad-lane",
                field="lane",
                hint=f"It has {', '.join(parameters) or 'none'}; write the name in braces.",
            ) from error


@dataclass(frozen=True, kw_only=True)
class MilestoneCall:
    """A milestone with what it is called with.

    Attributes:
        parameters: By name, with defaults.
        lane: The lane that this call works in.
    """

    spec: MilestoneSpec
    parameters: Mapping[str, Any]
    lane: str

    @classmethod
    def of(cls, spec: MilestoneSpec, parameters: Mapping[str, Any]) -> "MilestoneCall":
        """Make one.

        Raises:
            InvalidInput: The lane's template names what is no parameter.
        """
        return cls(spec=spec, parameters=parameters, lane=spec.lane_of(parameters))

    @property
    def key(self) -> tuple[str, int]:
        """Names the milestone in its build."""
        return self.lane, self.spec.state

    def results(self) -> list[Result]:
        """Return the results of milestones that it is called with."""
        return list(results_in(dict(self.parameters)))

    def to_request(
        self,
        build: Build,
        machine: Sequence[str],
        *,
        worker: str,
        lease_seconds: int,
        inside: Sequence[UUID],
        is_rewound: bool,
        session_id: UUID,
        orchestrator: Orchestrator | None,
    ) -> ClaimRequest:
        """Return the request to claim it.

        Args:
            build: The build.
            machine: The digests of the steps that this session's machine holds.
            worker: This worker's name.
            lease_seconds: After how long without a heartbeat the claim is lost.
            inside: The attempts that it is called inside of.
            is_rewound: No later checkpoint stands in for it.
            session_id: The session's id. Results that carry it are of this build, or of one that it
                derives from.
            orchestrator: What runs it.
        """

        def is_seen(result: Result) -> bool:
            return self._sees(result, build.number, session_id)

        seen = [each.record for each in self.results() if is_seen(each)]
        return ClaimRequest(
            worker=worker,
            lease_seconds=lease_seconds,
            state=self.spec.state,
            lane=self.lane,
            kind=self.spec.kind,
            fingerprint=self._fingerprint(is_seen),
            consumes=tuple(sorted({each.state for each in seen if each is not None})),
            machine=tuple(machine),
            inside=tuple(inside),
            rewound=is_rewound,
            orchestrator=orchestrator,
        )

    def _sees(self, result: Result, number: int, session_id: UUID) -> bool:
        """Return whether the service compares a result: made below, in this lane or the trunk."""
        record = result.record
        if record is None or record.state >= self.spec.state:
            return False
        if record.build == number:
            return record.lane in {TRUNK, self.lane}
        return result.session_id == session_id

    def _fingerprint(self, is_seen: Callable[[Result], bool]) -> dict[str, str]:
        plain = {
            name: replaced(value, lambda each: self._stand_in(each, is_seen))
            for name, value in self.parameters.items()
        }
        return {
            **self.spec.code_parts,
            **input_parts(self.spec.inputs, folder=Path.cwd()),
            **param_parts(plain),
        }

    def _stand_in(self, value: Any, is_seen: Callable[[Result], bool]) -> Any:
        """Return what stands for a result in a parameter's digest.

        Which state made it, where the service compares the content; else the content.
        """
        if not isinstance(value, Artifact | Handle):
            return value
        record = value.record
        if record is not None and is_seen(value):
            return {"result of": [record.state, record.name if is_named(record) else None]}
        if isinstance(value, Handle):
            return {"handle": [value.kind, value.id, dict(value.attributes)]}
        return {"artifact": value.checksum or value.uri}
