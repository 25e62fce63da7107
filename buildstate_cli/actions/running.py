"""`bldst run`: claim, restore, run the command, upload, complete."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from buildstate_cli import exit_codes
from buildstate_cli.actions import running_flags
from buildstate_cli.actions.checking import build_reference, pairs
from buildstate_cli.actions.child import Child, Ended, Signalled, signals_raised
from buildstate_cli.actions.connection import connect
from buildstate_cli.actions.running_flags import Restore, RunFlags
from buildstate_cli.complaints import complain_of, notice, warn
from buildstate_cli.options import Format
from buildstate_cli.printing import show
from buildstate_cli.session import Session
from buildstate_cli.views import attempts
from buildstate_core.artifacts import Artifacts, Blob, is_pullable, place_of
from buildstate_core.client import STEADY, Client
from buildstate_core.errors import BuildStateError, InvalidInput, NotFound, Refused
from buildstate_core.fingerprint import command_parts, input_parts, param_parts
from buildstate_core.models import Artifact, Attempt, Build, Claim
from buildstate_core.runner import Done, Milestone, Runner, Running
from buildstate_core.vocabulary import ArtifactKind
from buildstate_core.workspace import Workspace

_TELL_EVERY_SECONDS: Final = 30.0


def run(
    session: Session, output: Format, reference: str, command: Sequence[str], flags: RunFlags
) -> int:
    """Run a command as one state of a build, or skip it; give the exit code."""
    wanted = build_reference(reference)
    if not command:
        raise InvalidInput(
            "There is no command to run.",
            code="no-command",
            field="COMMAND",
            hint="Put it behind two dashes: bldst run 123 --state 25 -- make image",
        )
    workspace = Workspace(Path.cwd())
    restores = running_flags.restores(flags.restores, workspace.folder, below=flags.state)
    blobs = running_flags.blobs(flags.artifacts, workspace.folder)
    fingerprint = {
        **command_parts(command),
        **param_parts(pairs(flags.params, flag="--param")),
        **input_parts(flags.inputs, folder=workspace.folder),
    }
    with connect(session, retries=STEADY) as client:
        build = client.get_build(wanted)
        runner = _runner(session, client)
        milestone = Milestone(
            build=build.id,
            state=flags.state,
            lane=flags.lane,
            kind=flags.kind,
            fingerprint=fingerprint,
            consumes=sorted({each.state for each in restores}) if restores else None,
            machine=workspace.held(build.id, flags.lane),
            is_rewound=workspace.is_rewound(build.id, flags.lane, flags.state),
            lease_seconds=flags.lease_seconds or session.settings.lease_seconds,
            wait_seconds=flags.wait_seconds,
        )
        step = _Step(session, output, build, workspace, runner)
        try:
            with signals_raised():
                return step.run(milestone, command, restores, blobs)
        except Signalled as ended:
            return ended.exit_code


class _Step:
    """One call of `bldst run`."""

    def __init__(
        self,
        session: Session,
        output: Format,
        build: Build,
        workspace: Workspace,
        runner: Runner,
    ) -> None:
        self._session = session
        self._output = output
        self._build = build
        self._workspace = workspace
        self._runner = runner
        self._child: Child | None = None

    def run(
        self,
        milestone: Milestone,
        command: Sequence[str],
        restores: Sequence[Restore],
        blobs: Sequence[Blob],
    ) -> int:
        begun = self._begin(milestone)
        self._workspace.end_rewind(self._build.id, milestone.lane, milestone.state)
        if isinstance(begun, Done):
            self._tell(begun.attempt, f"skipped: {begun.text}")
            self._show(begun.attempt)
            return exit_codes.OK
        with begun:
            self._tell(begun.attempt, f"attempt {begun.attempt.attempt}: {begun.claim.text}")
            if blobs:
                self._runner.artifacts.check_location(begun.location)
            restored = self._restore(begun, restores)
            self._workspace.clear(self._build.id, milestone.lane)
            ended = self._run(begun, command, restored)
            if begun.stale is not None:
                complain_of(begun.stale)
                return exit_codes.exit_code(begun.stale)
            if ended.problem is not None:
                return self._failed(begun, ended)
            return self._completed(begun, blobs)

    def _begin(self, milestone: Milestone) -> Done | Running:
        try:
            return self._runner.begin(milestone, on_stale=lambda _: self._stop())
        except Refused as error:
            if error.state is not None:
                self._remember_rewind(milestone, first=error.state)
            raise

    def _restore(self, begun: Running, restores: Sequence[Restore]) -> Mapping[str, str]:
        """Put what the command needs into its place, and give the variables that say so."""
        paths, uris = [], []
        for artifact, path in _targets(begun.claim.restore, restores):
            if is_pullable(artifact):
                pulled = self._runner.artifacts.pull(
                    artifact, self._workspace.folder / path, root=begun.claim.storage_url
                )
                paths.append(path)
                if not pulled.was_there:
                    self._tell(begun.attempt, f"restored {path} of state {artifact.state}")
                if artifact.checksum is None:
                    warn(f"{path} had no recorded checksum, so it is unverified; it has one now.")
            elif artifact.kind is not ArtifactKind.VALUE and artifact.uri is not None:
                uris.append(artifact.uri)
                self._tell(begun.attempt, f"{artifact.uri} is for the command to restore")
        return {"BLDST_RESTORED": "\n".join(paths), "BLDST_RESTORE_URI": "\n".join(uris)}

    def _run(self, begun: Running, command: Sequence[str], restored: Mapping[str, str]) -> Ended:
        attempt = begun.attempt
        child = Child(
            command,
            folder=self._workspace.folder,
            environ={
                **self._session.environ,
                **restored,
                "BLDST_BUILD_ID": str(self._build.id),
                "BLDST_STATE": str(attempt.state),
                "BLDST_LANE": attempt.lane,
                "BLDST_ATTEMPT": str(attempt.attempt),
            },
            stdout_to_stderr=self._output is not Format.TABLE,
        )
        self._child = child
        # The claim may have been lost while files were restored. Seen after `_stop` can see the
        # child, so that one of the two always ends it.
        if begun.stale is not None:
            return Ended(exit_codes.CONFLICT, begun.stale.message)
        return child.run()

    def _failed(self, begun: Running, ended: Ended) -> int:
        problem = ended.problem or ""
        failed = begun.fail(problem)
        self._tell(failed, f"failed: {problem}")
        self._show(failed)
        return ended.exit_code

    def _completed(self, begun: Running, blobs: Sequence[Blob]) -> int:
        missing = next((blob for blob in blobs if not blob.path.exists()), None)
        if missing is not None:
            begun.fail(f"the command succeeded, but did not make {missing.path.name}")
            raise BuildStateError(
                f"The command succeeded, but --artifact {missing.place or missing.path} is not"
                " there.",
                code="artifact-not-made",
                hint="The attempt is recorded as failed. Correct the path, or the command.",
            )
        done = begun.complete(blobs)
        self._remember(done)
        self._tell(done, "completed")
        self._show(done)
        return exit_codes.OK

    def _remember(self, done: Attempt) -> None:
        with _told_if_unwritable("that this machine is as this state has left it"):
            self._workspace.hold(self._build.id, done.lane, done.id)

    def _remember_rewind(self, milestone: Milestone, *, first: int) -> None:
        with _told_if_unwritable("which states have to run here again"):
            self._workspace.rewind(
                self._build.id, milestone.lane, first=first, below=milestone.state
            )

    def _stop(self) -> None:
        if self._child is not None:
            self._child.stop()

    def _tell(self, attempt: Attempt, what: str) -> None:
        lane = f", lane {attempt.lane}" if attempt.lane else ""
        name = f" {attempt.state_name}" if attempt.state_name else ""
        notice(f"bldst: #{attempt.build} state {attempt.state}{name}{lane}: {what}")

    def _show(self, attempt: Attempt) -> None:
        if self._output is not Format.TABLE:
            show(attempt, self._output, lambda each: attempts.listing([each]))


@contextmanager
def _told_if_unwritable(unknown: str) -> Iterator[None]:
    """Warn that a workspace cannot remember something; what was done stands all the same."""
    try:
        yield
    except OSError as error:
        warn(
            f"{error.filename} cannot be written: {error.strerror}.",
            f"So it is not known later {unknown}.",
        )


def _runner(session: Session, client: Client) -> Runner:
    settings = session.settings
    artifacts = Artifacts.of_worker(client, settings)
    told = 0.0

    def on_wait(claim: Claim) -> None:
        nonlocal told
        if time.monotonic() - told > _TELL_EVERY_SECONDS or not told:
            told = time.monotonic()
            attempt = claim.attempt
            notice(
                f"bldst: state {attempt.state} of build {attempt.build} is held by"
                f" {claim.holder or 'another worker'}; waiting until it is done."
            )

    return Runner(client, artifacts, worker=settings.worker, on_wait=on_wait)


def _targets(
    artifacts: Sequence[Artifact], restores: Sequence[Restore]
) -> list[tuple[Artifact, str]]:
    """Give each artifact to restore, and its path in the workspace."""
    if not restores:
        return [(artifact, str(place_of(artifact))) for artifact in artifacts]
    found: list[tuple[Artifact, str]] = []
    for restore in restores:
        named = [
            each
            for each in artifacts
            if each.state == restore.state and restore.name in {None, each.name}
        ]
        if not named:
            what = f" named {restore.name}" if restore.name else ""
            raise NotFound(
                f"State {restore.state} has no artifact{what} to restore.",
                code="artifact-not-found",
                field="--restore",
                hint="To see what there is: bldst artifact list BUILD",
            )
        if restore.path is not None and len(named) > 1:
            raise InvalidInput(
                f"State {restore.state} has {len(named)} artifacts, which cannot all be"
                f" {restore.path}; name one: --restore {restore.state}:NAME={restore.path}",
                field="--restore",
            )
        found.extend((each, restore.path or str(place_of(each))) for each in named)
    return found
