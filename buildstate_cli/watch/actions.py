"""`bldst watch`: look at a build again and again until it is over."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from buildstate_cli.connection import connect
from buildstate_cli.exit_codes import FAILED, OK
from buildstate_cli.options import Format
from buildstate_cli.output.messages import warn
from buildstate_cli.output.show import emit, show
from buildstate_cli.output.text import printable
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference
from buildstate_cli.watch import view as watching
from buildstate_cli.watch.view import Seen
from buildstate_core.errors import Unreachable
from buildstate_core.vocabulary import BuildStatus
from buildstate_worker.client import QUICK, Client

Show = Callable[[Seen], None]


def watch(
    session: Session,
    output: Format,
    build: str,
    *,
    is_once: bool,
    wait: Callable[[], object],
) -> int:
    """Show a build until it is over, or once, and return the exit code.

    Args:
        session: Where this runs.
        output: A picture or lines for people, or an object for each change.
        build: As typed.
        is_once: Whether to look only once.
        wait: Called between two looks.
    """
    reference = build_reference(build)
    with connect(session, retries=QUICK) as client:
        found = _look(client, reference)
        if is_once:
            show(found, output, lambda each: watching.picture(each, datetime.now(UTC)))
        else:
            with _shown(session, output) as show_look:
                show_look(found)
                while not found.is_over:
                    wait()
                    found = _look_again(client, reference, found)
                    show_look(found)
    if not found.is_over:
        return OK
    return OK if found.build.status is BuildStatus.COMPLETED else FAILED


def every(seconds: float) -> Callable[[], object]:
    """Return a function that waits for so many seconds."""
    return lambda: time.sleep(seconds)


def _look(client: Client, reference: str | int) -> Seen:
    # The build first: once it says that it is over, its attempts are not older than that.
    build = client.get_build(reference)
    return watching.seen(build, list(client.history(reference)))


def _look_again(client: Client, reference: str | int, before: Seen) -> Seen:
    """Return what a look finds, or what was seen before if the service cannot be reached."""
    try:
        return _look(client, reference)
    except Unreachable as error:
        warn(f"{error.message}", "Trying again.")
        return before


@contextmanager
def _shown(session: Session, output: Format) -> Iterator[Show]:
    """Yield a function that shows one look after the other."""
    is_terminal = sys.stdout.isatty() and session.environ.get("TERM") not in {"dumb", "unknown"}
    if output is not Format.TABLE:
        yield _Objects(_document if output is Format.YAML else _line)
    elif not is_terminal:
        yield _Lines()
    else:
        from buildstate_cli.output import terminal  # noqa: PLC0415 - rich is for terminals only

        with terminal.live() as draw:
            yield lambda found: draw(watching.picture(found, datetime.now(UTC)))


class _Objects:
    """Prints an object for each change."""

    def __init__(self, written: Callable[[Seen], str]) -> None:
        self._written = written
        self._before: Seen | None = None

    def __call__(self, found: Seen) -> None:
        if found != self._before:
            emit(self._written(found))
        self._before = found


class _Lines:
    """Prints a line for each change."""

    def __init__(self) -> None:
        self._before: Seen | None = None

    def __call__(self, found: Seen) -> None:
        at = f"{datetime.now(UTC):%H:%M:%SZ}"
        for line in watching.changes(self._before, found):
            emit(f"{at} {printable(line)}\n")
        self._before = watching.last_printed(self._before, found)


def _line(found: Seen) -> str:
    return json.dumps(found.model_dump(mode="json"), ensure_ascii=False) + "\n"


def _document(found: Seen) -> str:
    import yaml  # noqa: PLC0415 - half as slow to load as all the rest of a command

    content = yaml.safe_dump(found.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    return f"---\n{content}"
