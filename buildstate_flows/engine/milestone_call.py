"""One call of a milestone: what would run, and what it is compared by."""

import hashlib
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID

from buildstate_core.errors import InvalidInput
from buildstate_core.models import Build, ClaimRequest, Orchestrator
from buildstate_core.models.names import given_lane
from buildstate_core.rules.fingerprints import recorded
from buildstate_core.units import number_of
from buildstate_core.vocabulary import TRUNK, Kind
from buildstate_flows.engine.arguments import (
    Form,
    Result,
    forms_of,
    is_result,
    leaves_files,
    results_in,
)
from buildstate_flows.engine.results.recorded import is_named
from buildstate_flows.handle import Handle
from buildstate_worker.fingerprint.code import Code, code_of, code_parts
from buildstate_worker.fingerprint.inputs_1 import input_parts_1
from buildstate_worker.fingerprint.params import ParamDigests
from buildstate_worker.fingerprint.params_1 import ParamDigests1
from buildstate_worker.inputs.declared import input_parts
from buildstate_worker.inputs.source import Checkout
from buildstate_worker.storage_options import StorageOptions

_MOST_NAMED: Final = 300


class _NoValueError(Exception):
    """A parameter that a lane is named after is `None`."""


class _LaneTemplate(string.Formatter):
    """Fills parameters into a lane; `None` would be a lane of that name."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            raise _NoValueError
        return str(super().format_field(value, format_spec))


@dataclass(frozen=True, kw_only=True)
class MilestoneSpec:
    """What a milestone is, whatever it is called with.

    Attributes:
        function: The user's function.
        name: For messages.
        state: Its state.
        lane: Its lane, or a template that names parameters: `{region}`. `None` for the trunk.
        kind: What it does, if that was said.
        inputs: Files whose content decides "unchanged".
        version: Stands for the code, if it is given.
        storage_options: How the files that it returns are stored.
        code: Whether the code counts: its own, or `ignore`.
        ignore: The parameters that do not count.
        probe: Looks whether what it did to the world still holds.
        discover: Whether what it is seen to read counts.
        ignore_reads: Globs of what it may read and does not count.
    """

    function: Callable[..., Any]
    name: str
    state: int
    lane: str | None
    kind: Kind | None
    inputs: Sequence[str]
    version: str | None
    storage_options: StorageOptions
    code: Literal["own", "ignore"] = "own"
    ignore: Sequence[str] = ()
    probe: Callable[[Any], Any] | None = None
    discover: bool = True
    ignore_reads: Sequence[str] = ()

    def __getstate__(self) -> dict[str, Any]:
        # In another process the source may not be there, nor all names of the annotations.
        return {
            **self.__dict__,
            "code_parts": self.code_parts,
            "code_parts_1": self.code_parts_1,
            "code_in_words": self.code_in_words,
            "forms": self.forms,
            "leaves_files": self.leaves_files,
        }

    @cached_property
    def code_parts(self) -> Mapping[str, str]:
        """The parts of its fingerprint that are the code; measured once.

        Raises:
            InvalidInput: Some of it cannot be seen, or is not what is on the disk any more.
        """
        if self.version is not None:
            return {"code": recorded(_digest_of_version(self.version))}
        if self.code == "ignore":
            return {}
        code = self._reached
        named = {f"code:{name}": recorded(digest) for name, digest in code.parts.items()}
        # More would leave no room for others. They only tell which of them has changed.
        return {"code": recorded(code.digest), **(named if len(named) <= _MOST_NAMED else {})}

    @cached_property
    def code_in_words(self) -> str:
        """What of its code is compared."""
        if self.version is not None:
            return "its version"
        if self.code == "ignore":
            return ""
        return f"code of {number_of(len(self._reached.functions), 'function')}"

    @cached_property
    def _reached(self) -> Code:
        return code_of(self.function, is_result=is_result)

    @cached_property
    def code_parts_1(self) -> Mapping[str, str]:
        """The same, as the last release recorded it."""
        if self.version is not None:
            return {"code": _digest_of_version(self.version)}
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
            InvalidInput: The lane's template names something else, or what it names gives none.
        """
        if self.lane is None:
            return TRUNK
        try:
            lane = _LaneTemplate().vformat(self.lane, (), parameters)
        except _NoValueError:
            raise InvalidInput(
                f"The lane {self.lane!r} of {self.name} is named after a parameter that is None.",
                code="empty-lane",
                field="lane",
                hint="Does it come from a variable that is not set?",
            ) from None
        except (KeyError, ValueError, IndexError, AttributeError, TypeError) as error:
            raise InvalidInput(
                f"The lane {self.lane!r} of {self.name} names what is no parameter of it.",
                code="bad-lane",
                field="lane",
                hint=f"It has {', '.join(parameters) or 'none'}; write the name in braces.",
            ) from error
        return given_lane(lane, f"The lane of {self.name}", field="lane")


@dataclass(frozen=True, kw_only=True)
class MilestoneCall:
    """A milestone with what it is called with.

    What it is compared by is taken when it is made, and serves every try of it: a function may
    change what it was called with. Only results may be made anew until then.

    Attributes:
        parameters: By name, with defaults.
        lane: The lane that this call works in.
        digests: What the parameters that count were.
        digests_1: The same, as the last release recorded it.
    """

    spec: MilestoneSpec
    parameters: Mapping[str, Any]
    lane: str
    digests: ParamDigests
    digests_1: ParamDigests1

    @classmethod
    def of(cls, spec: MilestoneSpec, parameters: Mapping[str, Any]) -> "MilestoneCall":
        """Make one.

        Raises:
            InvalidInput: The lane's template names what is no parameter, or no lane; or a
                parameter that counts has no digest.
        """
        lane = spec.lane_of(parameters)
        counted = _without(parameters, spec.ignore)
        return cls(
            spec=spec,
            parameters=parameters,
            lane=lane,
            digests=ParamDigests(counted, is_result=is_result, code=_code_of_argument),
            digests_1=ParamDigests1(counted, is_result=is_result),
        )

    @property
    def key(self) -> tuple[str, int]:
        """Names the milestone in its build."""
        return self.lane, self.spec.state

    def results(self) -> list[Result]:
        """Return the results of milestones that it is called with, or that its function keeps."""
        return list(results_in([self.parameters, self.spec.function]))

    def to_request(
        self,
        build: Build,
        machine: Sequence[str],
        *,
        worker: str,
        lease_seconds: int,
        inside: Sequence[UUID],
        is_rewound: bool,
        checkout: Checkout,
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
            checkout: Where it runs.
            session_id: The session's id. Results that carry it are of this build, or of one that it
                derives from.
            orchestrator: What runs it.
        """

        def is_seen(result: Result) -> bool:
            return self._sees(result, build.number, session_id)

        return ClaimRequest(
            worker=worker,
            lease_seconds=lease_seconds,
            state=self.spec.state,
            lane=self.lane,
            kind=self.spec.kind,
            fingerprint=self._fingerprint(is_seen, checkout),
            older_fingerprint=self._fingerprint_1(is_seen),
            consumes=self._consumes(build.number, is_seen),
            machine=tuple(machine),
            inside=tuple(inside),
            rewound=is_rewound,
            orchestrator=orchestrator,
        )

    def _consumes(self, number: int, is_seen: Callable[[Result], bool]) -> tuple[int, ...] | None:
        """Return the states whose results it takes; `None` if it takes none of any milestone.

        What was made at its own state or above, as its function may still keep it from an earlier
        pass, went into nothing.
        """
        counted = _without(self.parameters, self.spec.ignore)
        below = [
            (each, each.record)
            for each in results_in([counted, self.spec.function])
            if each.record is not None
            and (each.record.build != number or each.record.state < self.spec.state)
        ]
        if not below:
            return None
        return tuple(sorted({record.state for each, record in below if is_seen(each)}))

    def _sees(self, result: Result, number: int, session_id: UUID) -> bool:
        """Return whether the service compares a result: made below, in this lane or the trunk."""
        record = result.record
        if record is None or record.state >= self.spec.state:
            return False
        if record.build == number:
            return record.lane in {TRUNK, self.lane}
        return result.session_id == session_id

    def inputs(self, checkout: Checkout) -> dict[str, str]:
        """Return the parts for its inputs, as they are now.

        Raises:
            InvalidInput: One of them is missing.
        """
        return input_parts(self.spec.inputs, checkout) if self.spec.inputs else {}

    def _fingerprint(self, is_seen: Callable[[Result], bool], checkout: Checkout) -> dict[str, str]:
        """Return what would run, part by part."""
        params = self.digests.parts(lambda result: _stand_in(result, is_seen))
        return {**self.spec.code_parts, **self.inputs(checkout), **params}

    def _fingerprint_1(self, is_seen: Callable[[Result], bool]) -> dict[str, str]:
        """Return what would run as the last release recorded it, to compare with what it did."""
        params = self.digests_1.parts(lambda result: _stand_in(result, is_seen))
        inputs = input_parts_1(self.spec.inputs, folder=Path.cwd())
        return {**self.spec.code_parts_1, **inputs, **params}


def _digest_of_version(version: str) -> str:
    return hashlib.sha256(f"version {version}".encode()).hexdigest()


def _code_of_argument(value: Any) -> str:
    return code_of(value, is_result=is_result).digest


def _without(parameters: Mapping[str, Any], ignored: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in ignored}


def _stand_in(result: Result, is_seen: Callable[[Result], bool]) -> object:
    """Return what stands for a result in a parameter's digest.

    Which state made it, where the service compares the content; else the content.
    """
    record = result.record
    if record is not None and is_seen(result):
        return {"result of": [record.state, record.name if is_named(record) else None]}
    if isinstance(result, Handle):
        return {"handle": [result.kind, result.id, dict(result.attributes)]}
    return {"artifact": result.checksum or result.uri}
