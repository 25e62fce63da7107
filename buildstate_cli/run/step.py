"""One try at one call of `bldst run`, from the claim to what is recorded of it."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from buildstate_cli import exit_codes
from buildstate_cli.build import attempts_view as attempts
from buildstate_cli.checking import pairs
from buildstate_cli.options import Format
from buildstate_cli.output.messages import complain_of, notice, warn
from buildstate_cli.output.progress import Meter
from buildstate_cli.output.show import show
from buildstate_cli.run import flags as running_flags
from buildstate_cli.run import probe as probing
from buildstate_cli.run.child import Child, Ended
from buildstate_cli.run.flags import Restore
from buildstate_cli.run.journal import Call
from buildstate_cli.run.machine_state import Remembering
from buildstate_cli.run.restore import Restored, restore, targets
from buildstate_cli.session import Session
from buildstate_core.errors import (
    ArtifactLost,
    BuildStateError,
    StaleClaim,
)
from buildstate_core.models import Attempt, Build
from buildstate_core.vocabulary import ArtifactKind, Kind
from buildstate_worker.artifacts import is_pullable
from buildstate_worker.blobs import Blob
from buildstate_worker.files.stat_signature import MISSING, signature
from buildstate_worker.fingerprint.code import command_parts
from buildstate_worker.fingerprint.inputs import input_parts
from buildstate_worker.fingerprint.params import param_parts
from buildstate_worker.heartbeat import LEASE_RUNNING_OUT, margin_seconds
from buildstate_worker.runner import Done, Milestone, Runner, Running
from buildstate_worker.workspace.machine_state import Workspace

_RECORD_SECONDS: Final = 10.0
_CHANGED_MEANWHILE: Final = "given up: the machine was changed meanwhile"


@dataclass(frozen=True)
class Site:
    """Where a call is made: what all calls of one process share.

    Attributes:
        meter: Shows how far the runner's transfers are.
    """

    session: Session
    output: Format
    build: Build
    workspace: Workspace
    runner: Runner
    meter: Meter


@dataclass(frozen=True)
class Ready:
    """A call whose flags were read and whose inputs were looked at."""

    restores: Sequence[Restore]
    blobs: Sequence[Blob]
    fingerprint: Mapping[str, str]


def made_ready(call: Call, folder: Path) -> Ready:
    """Read what was typed.

    Raises:
        InvalidInput: Something of it is wrong, or an input is missing.
    """
    flags = call.flags
    return Ready(
        restores=running_flags.restores(flags.restores, folder, below=flags.state),
        blobs=running_flags.blobs(flags.artifacts, folder, flags.storing),
        fingerprint={
            **command_parts(call.command),
            **call.params,
            **param_parts(pairs(flags.params, flag="--param")),
            **input_parts(flags.inputs, folder=folder),
        },
    )


class Step:
    """One try.

    Args:
        site: Where.
        call: What.
        ready: The same, made ready.
        is_again: Whether it was called before, and is made again for the one that was typed now.
        can_rewind: Whether what an artifact was made by can be run again from here.
    """

    def __init__(
        self,
        site: Site,
        call: Call,
        ready: Ready,
        *,
        is_again: bool,
        can_rewind: Callable[[ArtifactLost], bool],
    ) -> None:
        self._site = site
        self._call = call
        self._ready = ready
        self._is_again = is_again
        self._can_rewind = can_rewind
        self._child: Child | None = None
        self._lease_seconds = float(call.flags.lease_seconds or site.session.settings.lease_seconds)

    def run(self, *, is_rewound: bool) -> int:
        """Skip it or run it; give the exit code.

        Args:
            is_rewound: Whether a later state starts from before it.

        Raises:
            ArtifactLost: What it needs is gone or corrupt. It was not run.
            Refused: Another state has to run first.
        """
        while True:
            milestone = self._milestone(is_rewound=is_rewound)
            begun = self._begun(milestone)
            if isinstance(begun, Done):
                self._tell(begun.attempt, f"skipped: {begun.text}")
                self._show(begun.attempt)
                return exit_codes.OK
            with begun:
                if self._is_as_said(begun, milestone):
                    return self._run(begun)
                # What was waited for may have taken long.
                begun.fail(_CHANGED_MEANWHILE, is_cancelled=True)
                self._tell(begun.attempt, _CHANGED_MEANWHILE)

    def _begun(self, milestone: Milestone) -> Done | Running:
        line = self._call.flags.probe
        return self._site.runner.begin(
            milestone,
            on_stale=self._stop,
            probe=None if line is None else lambda done: self._holds(done, line),
        )

    def _run(self, begun: Running) -> int:
        self._tell(begun.attempt, f"attempt {begun.attempt.attempt}: {begun.claim.text}")
        begun.check_places(self._ready.blobs)
        return self._work(begun, self._restored(begun))

    def _is_as_said(self, begun: Running, milestone: Milestone) -> bool:
        """Whether the machine holds still what it was claimed with, if that is built on."""
        if not begun.claim.is_in_place or milestone.kind is Kind.EPHEMERAL:
            return True
        return self._site.workspace.held(self._site.build.id, milestone.lane) == milestone.machine

    @property
    def _kind(self) -> Kind | None:
        # Only what touches the world can be gone from it.
        flags = self._call.flags
        return flags.kind or (None if flags.probe is None else Kind.EFFECT)

    def _milestone(self, *, is_rewound: bool) -> Milestone:
        flags, restores = self._call.flags, self._ready.restores
        return Milestone(
            build=self._site.build.id,
            state=flags.state,
            lane=flags.lane,
            kind=self._kind,
            fingerprint=self._ready.fingerprint,
            consumes=sorted({each.state for each in restores}) if restores else None,
            machine=self._site.workspace.held(self._site.build.id, flags.lane),
            is_rewound=is_rewound,
            lease_seconds=int(self._lease_seconds),
            wait_seconds=flags.wait_seconds,
        )

    def _holds(self, done: Done, line: str) -> bool:
        is_there = probing.holds(
            done,
            line,
            folder=self._site.workspace.folder,
            environ=self._environ(done.attempt),
        )
        self._tell(done.attempt, f"its probe says that it {'holds' if is_there else 'is gone'}")
        return is_there

    def _restored(self, begun: Running) -> Restored:
        """Put what the command needs into its place."""
        try:
            with self._site.meter:
                return self._restore(begun)
        except ArtifactLost as error:
            if self._can_rewind(error):
                message = f"given up to run state {error.state} again first: {error.message}"
                begun.fail(message, is_cancelled=True)
            raise

    def _restore(self, begun: Running) -> Restored:
        paths, uris = [], []
        folder = self._site.workspace.folder
        for artifact, path in targets(begun.claim.restore, self._ready.restores, folder):
            if is_pullable(artifact):
                target = folder / path
                pulled = restore(begun, self._site.runner.artifacts, artifact, target)
                paths.append(path)
                if not pulled.was_there:
                    self._tell(begun.attempt, f"restored {path} of state {artifact.state}")
                if artifact.checksum is None:
                    warn(f"{path} had no recorded checksum, so it is unverified; it has one now.")
            elif artifact.kind is not ArtifactKind.VALUE and artifact.uri is not None:
                uris.append(artifact.uri)
                self._tell(begun.attempt, f"{artifact.uri} is for the command to restore")
        return Restored(paths, uris)

    def _work(self, begun: Running, restored: Restored) -> int:
        folder = self._site.workspace.folder
        remembering = Remembering(
            self._site.workspace,
            self._site.build.id,
            begun.claim,
            kind=self._kind,
            restored=[folder / each for each in restored.paths],
        )
        remembering.begin()
        before = self._untouched(begun, restored)
        child = self._child = Child(
            self._call.command,
            folder=folder,
            environ={**self._environ(begun.attempt), **restored.environ},
            stdout_to_stderr=self._is_again or self._site.output is not Format.TABLE,
            is_again=self._is_again,
        )
        # The claim may have been lost while files were restored. Seen after `_stop` can see the
        # child, so that one of the two always ends it.
        if begun.stale is not None:
            child.stop()
        ended = child.run()
        if begun.stale is not None and (child.was_stopped or begun.stale.code != LEASE_RUNNING_OUT):
            return self._given_up(begun, begun.stale)
        if ended.problem is not None:
            return self._failed(begun, ended)
        self._warn_of_leftovers(before)
        return self._completed(begun, remembering)

    def _given_up(self, begun: Running, stale: StaleClaim) -> int:
        complain_of(stale)
        if stale.code != LEASE_RUNNING_OUT:
            return exit_codes.exit_code(stale)
        recorded: list[Attempt] = []

        def record() -> None:
            with suppress(BuildStateError):
                recorded.append(begun.fail(f"stopped by itself: {stale.message}"))

        # A service that does not answer would be waited for much longer than it matters.
        recording = threading.Thread(target=record, daemon=True)
        recording.start()
        recording.join(_RECORD_SECONDS)
        how = "failed: it was stopped" if recorded else "stopped; that could not be recorded"
        self._tell(begun.attempt, how)
        return exit_codes.UNREACHABLE

    def _failed(self, begun: Running, ended: Ended) -> int:
        problem = ended.problem or ""
        failed = begun.fail(problem, is_cancelled=ended.is_cancelled)
        self._tell(failed, f"{failed.status}: {problem}")
        self._show(failed)
        return ended.exit_code

    def _completed(self, begun: Running, remembering: Remembering) -> int:
        blobs = self._ready.blobs
        missing = next((blob for blob in blobs if not blob.path.exists()), None)
        if missing is not None:
            begun.fail(f"the command succeeded, but did not make {missing.path.name}")
            raise BuildStateError(
                f"The command succeeded, but --artifact {missing.place or missing.path} is not"
                " there.",
                code="artifact-not-made",
                hint="The attempt is recorded as failed. Correct the path, or the command.",
            )
        remembering.look([blob.path for blob in blobs])
        with self._site.meter:
            done = begun.complete(blobs)
        with told_if_unwritable("that this machine is as this state has left it"):
            remembering.end(done)
        self._tell(done, "completed")
        self._show(done)
        return exit_codes.OK

    def _untouched(self, begun: Running, restored: Restored) -> Sequence[str | None]:
        """Give the signatures of what the command should make, unless it may well leave that.

        That is what was restored for it, or is on this machine since a step before.
        """
        folder = self._site.workspace.folder
        known = {Path(os.path.normpath(folder / each)) for each in restored.paths}
        return [
            None
            if begun.claim.is_in_place or Path(os.path.normpath(blob.path)) in known
            else signature(blob.path)
            for blob in self._ready.blobs
        ]

    def _warn_of_leftovers(self, before: Sequence[str | None]) -> None:
        for blob, was in zip(self._ready.blobs, before, strict=True):
            if was not in {None, MISSING} and signature(blob.path) == was:
                warn(
                    f"--artifact {blob.place or blob.path} was there before, and the command has"
                    " not touched it.",
                    "It is recorded as what the command made. If it is a leftover, remove it and"
                    f" have state {self._call.flags.state} run again.",
                )

    def _stop(self, stale: StaleClaim) -> None:
        if self._child is None:
            return
        if stale.code == LEASE_RUNNING_OUT:
            # Half of what is left is for killing what does not end by itself.
            self._child.stop(grace_seconds=margin_seconds(self._lease_seconds) / 2)
        else:
            self._child.stop()

    def _environ(self, attempt: Attempt) -> Mapping[str, str]:
        return {
            **self._site.session.environ,
            "BLDST_BUILD_ID": str(self._site.build.id),
            "BLDST_STATE": str(attempt.state),
            "BLDST_LANE": attempt.lane,
            "BLDST_ATTEMPT": str(attempt.attempt),
        }

    def _tell(self, attempt: Attempt, what: str) -> None:
        lane = f", lane {attempt.lane}" if attempt.lane else ""
        name = f" {attempt.state_name}" if attempt.state_name else ""
        notice(f"bldst: #{attempt.build} state {attempt.state}{name}{lane}: {what}")

    def _show(self, attempt: Attempt) -> None:
        if self._site.output is not Format.TABLE and not self._is_again:
            show(attempt, self._site.output, lambda each: attempts.listing([each]))


@contextmanager
def told_if_unwritable(unknown: str) -> Iterator[None]:
    """Warn that a workspace cannot remember something; what was done stands all the same."""
    try:
        yield
    except OSError as error:
        warn(
            f"{error.filename} cannot be written: {error.strerror}.",
            f"So it is not known later {unknown}.",
        )
