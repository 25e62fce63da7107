"""`bldst build add-state` and `add-failure`: plain reports.

A report that cannot be delivered is kept, and sent by a later command.
"""

from datetime import UTC, datetime
from uuid import uuid4

from buildstate_cli import spool
from buildstate_cli.artifact.storage_flags import FLAGS, ArtifactFlags
from buildstate_cli.build import attempts_view as attempts
from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output import messages
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference, checked
from buildstate_core.errors import Unreachable
from buildstate_core.models import Attempt, Report
from buildstate_worker.handles import Probes

_NO_ARTIFACT = ArtifactFlags()


def add(
    session: Session,
    output: Format,
    build: str,
    *,
    status: str,
    worker: str | None,
    artifact: ArtifactFlags = _NO_ARTIFACT,
    **values: object,
) -> None:
    """Report how a milestone went, and print its attempt.

    If the service cannot be reached, the report is kept: a warning, no attempt, exit code 0.
    """
    reference = build_reference(build)
    record = artifact.record(status)
    report = checked(
        Report,
        {
            **values,
            "status": status,
            "worker": worker or session.settings.worker,
            "artifacts": (record,) if record else None,
        },
        flags=FLAGS,
    )
    if record is not None:
        seen = Probes(session.settings.probes).identified(record)
        report = report.model_copy(update={"artifacts": (seen,)})
    show(_deliver(session, reference, report), output, attempts.reported)


def _deliver(session: Session, build: str | int, report: Report) -> Attempt | None:
    key = str(uuid4())
    happened_at = datetime.now(UTC)
    try:
        with connect(session) as client:
            return client.report(build, report, idempotency_key=key)
    except Unreachable as error:
        kept = spool.KeptReport(
            api_url=session.settings.api_url,
            build=build,
            idempotency_key=key,
            report=report.model_copy(update={"at": report.at or happened_at}),
        )
        _keep(session, kept, error)
        return None


def _keep(session: Session, report: spool.KeptReport, error: Unreachable) -> None:
    try:
        spool.keep(session.spool_folder, report)
    except OSError as obstacle:
        raise Unreachable(
            f"{error.message} The report could not be kept in {session.spool_folder} either:"
            f" {obstacle.strerror}.",
            code=error.code,
            hint=error.hint,
        ) from obstacle
    messages.warn(
        f"{error.message}",
        f"The report is kept in {session.spool_folder}. The next command that reaches the service"
        " sends it.",
    )
