"""`bldst resume` against the real service, which knows no Prefect here."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from support import Service

from buildstate_cli import exit_codes
from buildstate_core.models import Build, ClaimRequest, Orchestrator

RUN = UUID(int=7)


@pytest.fixture
def bldst_there(bldst: Callable[..., Any], service: Service) -> Callable[..., Any]:
    """Run `bldst` with the service."""

    def run(*arguments: str) -> Any:
        return bldst(*arguments, BLDST_API_URL=service.url, BLDST_API_KEY=service.key)

    return run


def lost_build(service: Service, orchestrator: Orchestrator | None) -> Build:
    build = service.make_build()
    request = ClaimRequest(state=50, worker="worker-a", orchestrator=orchestrator)
    service.expire(service.client.claim(build.number, request).attempt.id)
    return build


def test_a_build_that_prefect_never_ran_says_what_to_run(
    bldst_there: Callable[..., Any], service: Service
) -> None:
    build = lost_build(service, None)
    answer = bldst_there("resume", f"#{build.number}")
    assert (answer.code, answer.out) == (exit_codes.CONFLICT, "")
    assert "Run the pipeline again where it usually runs" in answer.err
    assert f"bldst plan {build.number}" in answer.err


def test_a_request_is_printed_and_listed(bldst_there: Callable[..., Any], service: Service) -> None:
    build = lost_build(service, Orchestrator(flow_run_id=RUN))
    asked = bldst_there(
        "resume", str(build.number), "--reason", "the mirror is back", "--output", "json"
    )
    assert asked.code == exit_codes.OK
    assert (asked.data["reason"], asked.data["flow_run_id"]) == ("the mirror is back", str(RUN))
    listed = bldst_there("resume", str(build.number), "--list", "--output", "json")
    assert [each["id"] for each in listed.data] == [asked.data["id"]]
    table = bldst_there("resume", str(build.number), "--list")
    assert "the mirror is back" in table.out
    again = bldst_there("resume", str(build.number))
    assert f"build #{build.number}" in again.out.lower()


def test_a_request_that_is_waited_for_and_fails_is_a_failure(
    bldst_there: Callable[..., Any], service: Service
) -> None:
    build = lost_build(service, Orchestrator(flow_run_id=RUN))
    answer = bldst_there("resume", str(build.number), "--wait")
    assert answer.code == exit_codes.FAILED
    assert f"Build #{build.number} was not resumed." in answer.out
    assert "BLDST_PREFECT_API_URL" in answer.err


def test_a_build_without_requests_lists_none(
    bldst_there: Callable[..., Any], service: Service
) -> None:
    build = service.make_build()
    answer = bldst_there("resume", str(build.number), "--list")
    assert (answer.code, answer.out) == (exit_codes.OK, "")
    assert "No requests to resume this build." in answer.err


def test_a_prefect_that_is_no_url_is_refused(bldst: Callable[..., Any]) -> None:
    answer = bldst("server", "start", "--prefect-api-url", "prefect:4200")
    assert answer.code == exit_codes.USAGE
    assert 'BLDST_PREFECT_API_URL is "prefect:4200"' in answer.err
