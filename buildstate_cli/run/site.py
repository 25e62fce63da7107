"""Where `bldst run` is called, and how it tells what it does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from uuid import UUID

from buildstate_cli.build import attempts_view as attempts
from buildstate_cli.options import Format
from buildstate_cli.output.messages import notice, warn
from buildstate_cli.output.progress import Meter
from buildstate_cli.output.show import show, show_error
from buildstate_cli.session import Session
from buildstate_core.errors import BuildStateError
from buildstate_core.models import Attempt, Build, Claim
from buildstate_core.vocabulary import Trace
from buildstate_worker.attempt import Worker
from buildstate_worker.attempt.inside import attempts_around, environment_inside
from buildstate_worker.reads import Made
from buildstate_worker.reads.tracing import Strace, find_strace, refuse_setuid
from buildstate_worker.workspace.machine_state import Workspace


@dataclass(frozen=True)
class Site:
    """What all calls of one process share.

    Attributes:
        worker: Who claims, and by what.
        meter: Shows how far the worker's transfers are.
        on_wait: Says that another worker has a state.
    """

    session: Session
    output: Format
    build: Build
    workspace: Workspace
    worker: Worker
    meter: Meter
    on_wait: Callable[[Claim], None]

    @property
    def cache_folder(self) -> str:
        """This program's own folder, of which nothing is an input."""
        return str(self.reads_folder.parent)

    @property
    def reads_folder(self) -> Path:
        """Where it is remembered what was read and made on this machine."""
        return self.session.settings.cache_dir.absolute() / "reads"

    def made(self) -> Made:
        """Return what was made for the build on this machine."""
        return Made(self.reads_folder, self.build.id)

    def strace(self, command: Sequence[str], *, is_wanted: bool | None) -> Strace | None:
        """Return what traces a command; `None` if it is not to be traced.

        Args:
            command: Its words.
            is_wanted: What was typed; `None`: as the project says.

        Raises:
            InvalidInput: It cannot be traced here.
        """
        if not (self.build.trace is Trace.ON if is_wanted is None else is_wanted):
            return None
        refuse_setuid(command, self.session.environ)
        return self._strace

    @cached_property
    def _strace(self) -> Strace:
        return find_strace(self.session.environ)

    def environ(self, attempt: Attempt) -> Mapping[str, str]:
        """Return the environment of what runs for an attempt."""
        return {
            **self.session.environ,
            "BLDST_BUILD_ID": str(self.build.id),
            "BLDST_STATE": str(attempt.state),
            "BLDST_LANE": attempt.lane,
            "BLDST_ATTEMPT": str(attempt.attempt),
            **environment_inside((*self.inside, attempt.id)),
        }

    @property
    def inside(self) -> tuple[UUID, ...]:
        """The attempts that this process runs inside of, the outermost first."""
        return attempts_around(self.session.environ)

    def show(self, attempt: Attempt) -> None:
        """Print an attempt, if its data is what the output is for."""
        if self.output is not Format.TABLE:
            show(attempt, self.output, lambda each: attempts.listing([each]))

    def show_error(self, error: BuildStateError) -> None:
        """Print what a call has come to in place of an attempt, in the same way."""
        show_error(error, self.output)


def tell(attempt: Attempt, what: str) -> None:
    """Return what becomes of an attempt."""
    lane = f", lane {attempt.lane}" if attempt.lane else ""
    name = f" {attempt.state_name}" if attempt.state_name else ""
    notice(f"bldst: #{attempt.build} state {attempt.state}{name}{lane}: {what}")


@contextmanager
def told_if_unwritable(unknown: str) -> Iterator[None]:
    """Warn that a workspace cannot remember something; what was done stands all the same."""
    try:
        yield
    except OSError as error:
        warn(
            f"{error.filename or 'The workspace'} cannot be written: {error.strerror or error}.",
            f"So it is not known later {unknown}.",
        )
