"""Request that a build is resumed, follow the request, list the requests."""

import time
from typing import Final

from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output.messages import notice
from buildstate_cli.output.show import show
from buildstate_cli.resume import view as resumes
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference, checked
from buildstate_core.errors import BuildStateError
from buildstate_core.models import ResumeCreate, ResumeRequest
from buildstate_core.vocabulary import ResumeStatus
from buildstate_worker.client import PATIENT, Client

_POLL_SECONDS: Final = 2.0
_ENDED: Final = frozenset({ResumeStatus.DONE, ResumeStatus.FAILED})


def ask(
    session: Session, output: Format, build: str, *, lane: str, reason: str, wait: bool
) -> None:
    """Request that a build goes on, and print the request.

    Raises:
        Conflict: It is being worked on, or nothing is known that could be started again.
        BuildStateError: It was waited for, and has failed; it is printed first.
    """
    reference = build_reference(build)
    wanted = checked(ResumeCreate, {"lane": lane, "reason": reason})
    with connect(session, retries=PATIENT) as client:
        request = client.resume(reference, wanted)
        if wait:
            request = _followed(client, request)
    show(request, output, resumes.one)
    if wait and request.status is ResumeStatus.FAILED:
        raise BuildStateError(
            f"Build {request.build} was not resumed: {request.message or 'nobody knows why.'}",
            code="resume-failed",
            hint=f"To see where it stands: bldst build get {request.build}",
        )


def list_all(session: Session, output: Format, build: str) -> None:
    """Print the requests of a build, newest first."""
    reference = build_reference(build)
    with connect(session) as client:
        show(list(client.list_resume_requests(build=reference)), output, resumes.listing)


def _followed(client: Client, request: ResumeRequest) -> ResumeRequest:
    """Return a request once it has ended, and print its messages until then."""
    said = None
    while True:
        if request.message not in {None, said}:
            said = request.message
            notice(f"{request.status}: {said}")
        if request.status in _ENDED:
            return request
        time.sleep(_POLL_SECONDS)
        known = client.list_resume_requests(build=request.build)
        request = next(each for each in known if each.id == request.id)
