"""What was called in a working directory, so that it can be called again.

A skip may prove wrong later in the same pass: a state has to run, and what earlier states did to
this machine is missing. The calls from there on are then made again. The journal has a file for
each state of a build and lane, with the words and flags as they were typed. Of parameters it has
digests instead of values, and it never has the environment.

What is read here is run. So it is taken only from files that this user wrote on this machine, which
a key shows that never leaves it: a `.bldst` that came with a checkout or an artifact, or is another
user's, counts as empty.
"""

import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from buildstate_cli.run.call.flags import Counting, RunFlags
from buildstate_cli.run.call.values import value_parts
from buildstate_cli.validation import pairs
from buildstate_core.vocabulary import TRUNK, CommandCode, Compression, Kind, Sensitivity
from buildstate_worker.inputs.standard_input import FedFile
from buildstate_worker.storage_options import StorageOptions
from buildstate_worker.workspace.machine_key import MachineKey
from buildstate_worker.workspace.machine_state import Workspace

_TRUNK_FOLDER: Final = "_"  # no lane has this name
_MAX_BYTES: Final = 16 * 2**20
_SIGNATURE: Final = "signature"
_OF_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, kw_only=True)
class RunCall:
    """One call of `bldst run`.

    Attributes:
        command: The words of the command.
        flags: What was typed before it.
        params: The parts of the fingerprint for `--param`, instead of the values: those are never
            kept.
        older_params: The same as the release before records them.
        fed_file: The regular file that its standard input was.
        was_piped: Whether it was fed through a pipe, so that it cannot be fed again.
        called_at: When, in nanoseconds.
        has_failed: Whether it did not succeed then, and was not called by its pipeline since.
    """

    command: Sequence[str]
    flags: RunFlags
    params: Mapping[str, str] = field(default_factory=dict)
    older_params: Mapping[str, str] = field(default_factory=dict)
    fed_file: FedFile | None = None
    was_piped: bool = False
    called_at: int = 0
    has_failed: bool = False

    @property
    def key(self) -> tuple[str, int]:
        """The lane and the state."""
        return self.flags.lane, self.flags.state


class Journal:
    """The calls for one build in one working directory.

    Args:
        workspace: The working directory. Nothing is written before `note`.
        build: The build.
        key: Shows who has written it.
    """

    def __init__(self, workspace: Workspace, build: UUID, key: MachineKey) -> None:
        self._workspace = workspace
        self._build = build
        self._key = key
        self._folder = workspace.memory / "journal" / str(build)

    def note(self, call: RunCall) -> None:
        """Keep a call as the newest one of its state and lane.

        Raises:
            OSError: The workspace cannot be written.
        """
        self._write(_to_keep(call))

    def note_failure(self, call: RunCall) -> None:
        """Keep that the newest call of a state did not succeed.

        Raises:
            OSError: The workspace cannot be written.
        """
        self._change(call, lambda each: replace(each, has_failed=True))

    def note_pipe(self, call: RunCall) -> None:
        """Keep that the newest call of a state was fed through a pipe.

        Raises:
            OSError: The workspace cannot be written.
        """
        self._change(call, lambda each: replace(each, was_piped=True))

    def _change(self, call: RunCall, change: Callable[[RunCall], RunCall]) -> None:
        for each in self._read(call.flags.lane):
            if each.key == call.key:
                self._write(change(each))

    def _write(self, call: RunCall) -> None:
        folder = self._folder / (call.flags.lane or _TRUNK_FOLDER)
        self._workspace.make_memory()
        for each in (self._folder.parent, self._folder, folder):
            each.mkdir(mode=0o700, exist_ok=True)
        content = asdict(call)
        signed = json.dumps({**content, _SIGNATURE: self._key.sign(self._about(content))})
        draft = folder / f".{os.getpid()}"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(signed)
        draft.replace(folder / f"{call.flags.state}.json")

    def calls(self, state: int, *, lane: str, below: int) -> list[RunCall]:
        """Return the calls from a state up to another one, in ascending order of their states.

        They are the lane's own if the state is one of its own, otherwise the trunk's and then the
        lane's. A call is not of this pass if what is below it was called later: it has left the
        pipeline since.

        Args:
            state: Where to begin.
            lane: The lane that needs it.
            below: The state that needs it.

        Returns:
            None at all if the call of that state is not known.
        """
        own = [each for each in self._read(lane) if each.flags.state < below]
        first_own = min((each.flags.state for each in own), default=below)
        trunk = [] if lane == TRUNK else self._read(TRUNK)
        all_of_them = [*(each for each in trunk if each.flags.state < first_own), *own]
        found = [each for each in _of_one_pass(all_of_them) if each.flags.state >= state]
        return found if found and found[0].flags.state == state else []

    def _read(self, lane: str) -> list[RunCall]:
        folder = self._folder / (lane or _TRUNK_FOLDER)
        found = (self._call(file, lane) for file in folder.glob("*.json"))
        return [call for call in found if call is not None]

    def _call(self, file: Path, lane: str) -> RunCall | None:
        """Read a call; `None` for what makes no sense or was not written here."""
        try:
            content = json.loads(_content(file))
            signature = str(content.pop(_SIGNATURE))
            if not self._key.has_signed(self._about(content), signature):
                return None
            call = _call(content)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return call if call.flags.lane == lane and file.stem == str(call.flags.state) else None

    def _about(self, content: Mapping[str, object]) -> bytes:
        """Return what is signed: an entry is good for its own build alone."""
        return f"{self._build} {json.dumps(content, sort_keys=True)}".encode()


def _to_keep(call: RunCall) -> RunCall:
    params, older = value_parts(pairs(call.flags.params, flag="--param"))
    return replace(
        call,
        flags=replace(call.flags, params=[]),
        params=params,
        older_params=older,
        called_at=time.time_ns(),
    )


def _of_one_pass(calls: Iterable[RunCall]) -> list[RunCall]:
    found: list[RunCall] = []
    latest = 0
    for call in sorted(calls, key=lambda each: each.flags.state):
        if call.called_at > latest:
            found.append(call)
        latest = max(latest, call.called_at)
    return found


def _content(file: Path) -> str:
    """Return what a file says, if nobody else can have written it.

    Raises:
        OSError: Somebody else can, or it cannot be read.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, encoding="ascii") as opened:
        if not _is_ours_alone(os.fstat(descriptor)):
            raise PermissionError(1, "others could have written it", str(file))
        return opened.read(_MAX_BYTES)


def _is_ours_alone(status: os.stat_result) -> bool:
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid == os.geteuid()
        and not status.st_mode & _OF_OTHERS
    )


def _call(data: Any) -> RunCall:
    flags = dict(data["flags"])
    for name in ("artifacts", "inputs", "params", "restores"):
        flags[name] = _texts(flags[name])
    kind = flags.pop("kind")
    options = flags.pop("storage_options", {})
    counting = flags.pop("counting", {})
    fed = data.get("fed_file")
    if not isinstance(flags["state"], int) or not isinstance(flags["probe"], str | None):
        raise TypeError
    return RunCall(
        command=_texts(data["command"]),
        flags=RunFlags(
            kind=None if kind is None else Kind(kind),
            storage_options=_storage_options(**options),
            counting=_counting(**counting),
            **flags,
        ),
        params=_digests(data["params"]),
        older_params=_digests(data.get("older_params", {})),
        fed_file=None
        if fed is None
        else FedFile(str(fed["path"]), int(fed["offset"]), str(fed["digest"])),
        was_piped=data.get("was_piped") is True,
        called_at=int(data["called_at"]),
        has_failed=data.get("has_failed") is True,
    )


def _digests(values: Mapping[str, object]) -> dict[str, str]:
    return {str(name): str(digest) for name, digest in values.items()}


def _counting(code: str = CommandCode.OWN, **values: Any) -> Counting:
    for name in ("excludes", "environment", "tools"):
        values[name] = _texts(values.get(name, []))
    if not isinstance(values.get("version"), str | None):
        raise TypeError
    return Counting(code=CommandCode(code), **values)


def _storage_options(
    storage: str | None = None,
    compression: str | None = None,
    sensitivity: str = Sensitivity.INTERNAL,
) -> StorageOptions:
    if not isinstance(storage, str | None):
        raise TypeError
    return StorageOptions(
        storage=storage,
        compression=None if compression is None else Compression(compression),
        sensitivity=Sensitivity(sensitivity),
    )


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise TypeError
    return values
