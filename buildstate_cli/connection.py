"""Opens a client for the configured service, and sends the reports that wait for it."""

from collections.abc import Iterator
from contextlib import contextmanager

import urllib3

from buildstate_cli import spool
from buildstate_cli.output import messages
from buildstate_cli.session import Session
from buildstate_core.errors import ArtifactUnreachable, InvalidInput, Unreachable
from buildstate_core.models import Attempt
from buildstate_worker.client import ONCE, QUICK, Client
from buildstate_worker.settings import Settings


@contextmanager
def connect(session: Session, *, retries: urllib3.Retry = QUICK) -> Iterator[Client]:
    """Open a client for the configured service.

    Reports that an earlier command could not deliver are sent first. The command goes on even if
    that fails.

    Raises:
        InvalidInput: The configured URL or key cannot be one.
    """
    settings = session.settings
    _check(settings)
    _send_kept(session)
    with Client.of_worker(settings, retries=retries) as client:
        yield client


@contextmanager
def storage_reached() -> Iterator[None]:
    """Make an artifact that cannot be read the error of a storage that cannot be reached.

    A command that only moves bytes refuses nothing because of it.

    Raises:
        Unreachable: The artifact cannot be read from here.
    """
    try:
        yield
    except ArtifactUnreachable as error:
        raise Unreachable(
            error.message, code=error.code, field=error.field, hint=error.hint
        ) from error


def _check(settings: Settings) -> None:
    if not settings.api_url.startswith(("http://", "https://")):
        raise InvalidInput(
            f'BLDST_API_URL is "{settings.api_url}"; use a URL such as http://127.0.0.1:8642.',
            code="bad-api-url",
            field="BLDST_API_URL",
        )
    key = settings.api_key
    if key is not None and not (key.isascii() and key.isprintable() and " " not in key):
        raise InvalidInput(
            "BLDST_API_KEY has characters that no key has, such as a space or a line end.",
            code="bad-api-key",
            field="BLDST_API_KEY",
            hint="Copy it again, without what stands around it.",
        )


def _send_kept(session: Session) -> None:
    settings = session.settings
    if not spool.waiting(session.spool_folder):
        return
    # One try for each: the command itself finds out whether the service is back.
    with Client.of_worker(settings, retries=ONCE) as client:

        def send(kept: spool.KeptReport) -> Attempt:
            return client.report(kept.build, kept.report, idempotency_key=kept.idempotency_key)

        try:
            drained = spool.drain(session.spool_folder, settings.api_url, send)
        except OSError as error:
            messages.warn(f"kept reports cannot be sent: {error.filename}: {error.strerror}.")
            return
    if drained.sent:
        reports = "1 report" if drained.sent == 1 else f"{drained.sent} reports"
        messages.print_message(f"sent {reports} kept while the service could not be reached.")
    for refused in drained.refused:
        messages.warn(
            f"the service refused a kept report: {refused.reason}",
            f"It is now in {refused.file}. Correct and send it again, or remove it.",
        )
