"""What looks at a handle, by its kind.

The first of these that exists looks at a kind:

1. the command that this worker's administrator has named for it (`command`),
2. what another package adds by an entry point in the group `buildstate.probes`: its name is the
   kind, and it loads a callable without arguments that returns a `Probe`,
3. what ships with BuildState (`aws`).

A handle of any other kind is taken to be there.
"""

import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from typing import Final, Protocol, TypeVar, cast

from buildstate_core.errors import ArtifactUnreachable, BuildStateError
from buildstate_core.models import ArtifactRecord
from buildstate_core.models.base import MAX_IDENTITY
from buildstate_core.vocabulary import ArtifactKind
from buildstate_worker.handles.failures import another, unreachable
from buildstate_worker.handles.ref import HandleRef, ref_of

ENTRY_POINTS: Final = "buildstate.probes"

_NO_COMMANDS: Final[Mapping[str, Sequence[str]]] = {}
_OWN: Final = {"ami": "AmiProbe", "ebs-snapshot": "SnapshotProbe"}
"""Kind to class, of those in `aws`."""

_Record = TypeVar("_Record", bound=ArtifactRecord)


class Probe(Protocol):
    """Looks at handles of one kind. Threads may share it."""

    def identity_of(self, handle: HandleRef) -> str:
        """Return what a handle is now: a short text that differs if it is another thing.

        Facts that never change: when it was made, from what, how large. Empty if nothing but its
        existence is known.

        Raises:
            ArtifactLost: It surely does not exist, or will never be of use; its reason is
                `artifact_gone`.
            ArtifactUnreachable: Nobody can tell: credentials, permission, network.
        """
        ...


class Probes:
    """The probes of one worker. Threads may share them.

    Args:
        commands: Command lines by the variable of `variable_for`, without its prefix.
    """

    def __init__(self, commands: Mapping[str, Sequence[str]] = _NO_COMMANDS) -> None:
        self._commands = commands
        self._made: dict[str, Probe] = {}

    def knows(self, handle: HandleRef) -> bool:
        """Return whether something looks at such handles."""
        return bool(
            _suffix(handle.kind) in self._commands or _added(handle.kind) or _own_kind(handle)
        )

    def check(self, handle: HandleRef) -> str | None:
        """Check that a handle still is what was recorded.

        Returns:
            What it is now, or `None` if that is not known.

        Raises:
            ArtifactLost: It is gone, or another thing.
            ArtifactUnreachable: Nobody can tell from here.
        """
        now = self._look(handle) if self.knows(handle) else None
        if now is not None and handle.identity not in {None, now}:
            raise another(handle, recorded=str(handle.identity), now=now)
        return now

    def identified(self, record: _Record) -> _Record:
        """Return a record with its handle's identity, if it can be found out; else unchanged.

        The handle may not be visible yet, or not to this worker. That is no error here: what made
        it took an hour, and must not fail for that.
        """
        if record.kind is not ArtifactKind.HANDLE or record.identity is not None:
            return record
        try:
            now = self.check(ref_of(record))
        except BuildStateError:
            return record
        return record if now is None else record.model_copy(update={"identity": now})

    def _look(self, handle: HandleRef) -> str | None:
        try:
            said = self._probe(handle).identity_of(handle)
        except BuildStateError:
            raise
        except Exception as error:  # what another package does is not known
            raise unreachable(
                handle,
                f"its probe failed with {type(error).__name__}: {error}",
                hint=f"Correct what looks at handles of kind {handle.kind} on this worker.",
            ) from error
        return _one_line(handle, said) or None

    def _probe(self, handle: HandleRef) -> Probe:
        if handle.kind not in self._made:
            self._made[handle.kind] = self._new(handle)
        return self._made[handle.kind]

    def _new(self, handle: HandleRef) -> Probe:
        command = self._commands.get(_suffix(handle.kind))
        if command is not None:
            from buildstate_worker.handles.command import CommandProbe  # noqa: PLC0415 - few need it

            return CommandProbe(command, variable=variable_for(handle.kind))
        for each in _added(handle.kind):
            return cast("Probe", each.load()())
        return _own(handle)


def variable_for(kind: str) -> str:
    """Return the name of the variable with the command that looks at a kind.

    >>> variable_for("managed-image") == "BLDST_PROBE_" + "MANAGED_IMAGE"
    True
    """
    return f"BLDST_PROBE_{_suffix(kind)}"


def _suffix(kind: str) -> str:
    return kind.upper().translate(str.maketrans("-.+", "___"))


@cache
def _added(kind: str) -> EntryPoints:
    return entry_points(group=ENTRY_POINTS, name=kind)


def _own_kind(handle: HandleRef) -> str | None:
    """Return the kind as BuildState's own probes call it; plain reports say `ebs` for snapshots."""
    if handle.kind == "ebs" and handle.id.startswith("snap-"):
        return "ebs-snapshot"
    return handle.kind if handle.kind in _OWN else None


def _own(handle: HandleRef) -> Probe:
    kind = _own_kind(handle)
    assert kind is not None  # noqa: S101 - as `knows` has seen
    try:
        # Late, since a cloud's library takes a second.
        found = importlib.import_module("buildstate_worker.handles.aws")
    except ImportError as error:
        raise ArtifactUnreachable(
            f"The {handle} cannot be looked at: the library for AWS is not installed here.",
            hint="Install it on this worker: pip install 'buildstate[s3]'.",
        ) from error
    return cast("Probe", getattr(found, _OWN[kind])())


def _one_line(handle: HandleRef, said: str) -> str:
    """Return a text as one line that can be stored and shown."""
    line = " ".join("".join(each if each.isprintable() else " " for each in said).split())
    if len(line) > MAX_IDENTITY:
        raise unreachable(
            handle,
            f"its probe says {len(line)} characters; an identity has at most {MAX_IDENTITY}",
            hint="Let it say less, or a digest of it.",
        )
    return line
