"""Plain reports wait while there is no service, and are sent by the next command."""

import multiprocessing
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Never

import pytest

from buildstate_cli import spool
from buildstate_core.errors import (
    BuildStateError,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    Unreachable,
)
from buildstate_core.models import Report

REPORT = ["build", "add-state", "123", "--state", "25", "--status", "completed"]
URL = "http://service"


def kept(*, state: int = 25, url: str = URL) -> spool.KeptReport:
    return spool.KeptReport(
        api_url=url,
        build=123,
        idempotency_key=f"key-{state}",
        report=Report(state=state, status="completed", at=datetime.now(UTC)),
    )


def raiser(error: BaseException) -> Callable[..., Never]:
    def send(_: object) -> Never:
        raise error

    return send


def test_a_report_is_kept_with_a_warning(
    process: Callable[..., Any], tmp_path: Path, closed_url: str
) -> None:
    before = datetime.now(UTC)
    answer = process(*REPORT, "--storage-path", "/mnt/nfs/state-25.qcow2")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err.startswith("bldst: warning: The service at http://127.0.0.1:")
    [file] = spool.waiting(tmp_path / "data/spool")
    report = spool.KeptReport.model_validate_json(file.read_bytes())
    assert (report.api_url, report.build) == (closed_url, 123)
    assert before <= report.report.at <= before + timedelta(minutes=1)
    assert report.report.artifacts[0].uri == "/mnt/nfs/state-25.qcow2"
    assert report.report.worker == "packer-07"


def test_json_says_that_there_is_no_attempt_yet(process: Callable[..., Any]) -> None:
    answer = process(*REPORT, "--output", "json")
    assert (answer.code, answer.data) == (0, None)


def test_a_given_time_is_kept(process: Callable[..., Any], tmp_path: Path) -> None:
    process(*REPORT, "--at", "2026-11-24T12:00:00+02:00")
    [file] = spool.waiting(tmp_path / "data/spool")
    at = spool.KeptReport.model_validate_json(file.read_bytes()).report.at
    assert at == datetime(2026, 11, 24, 10, tzinfo=UTC)


def test_others_cannot_read_it_and_the_key_is_not_in_it(
    process: Callable[..., Any], tmp_path: Path, environment: dict[str, str]
) -> None:
    process(*REPORT)
    folder = tmp_path / "data/spool"
    [file] = spool.waiting(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert environment["BLDST_API_KEY"] not in file.read_text()


def test_without_a_place_to_keep_it_the_command_fails(
    process: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("a file where a folder should be")
    answer = process(*REPORT)
    assert (answer.code, answer.out) == (6, "")
    assert "could not be kept" in answer.err


def test_only_what_was_unreachable_is_kept(
    bldst: Callable[..., Any], stub: Any, tmp_path: Path
) -> None:
    stub.refuse("POST /v1/builds/123/reports", 401, detail="This API key is unknown or revoked.")
    assert bldst(*REPORT).code == 5
    assert not (tmp_path / "data").exists()


def test_the_next_command_sends_it(
    bldst: Callable[..., Any],
    stub: Any,
    closed_url: str,
    tmp_path: Path,
    make_build: Callable[..., Any],
    make_attempt: Callable[..., Any],
) -> None:
    stub.on("GET /v1/builds/123", make_build().model_dump(mode="json"))
    stub.on("POST /v1/builds/123/reports", make_attempt().model_dump(mode="json"), 201)
    bldst(*REPORT, BLDST_API_URL=closed_url)
    [file] = spool.waiting(tmp_path / "data/spool")
    waiting = spool.KeptReport.model_validate_json(file.read_bytes())

    elsewhere = bldst("build", "get", "123", "-o", "json")
    assert (elsewhere.code, elsewhere.err, len(stub.requests)) == (0, "", 1)

    file.write_text(file.read_text().replace(closed_url, stub.url))
    answer = bldst("build", "get", "123", "-o", "json")
    assert answer.code == 0
    assert answer.err == "bldst: sent 1 report kept while the service could not be reached.\n"
    assert [request for request, _ in stub.requests[1:]] == [
        "POST /v1/builds/123/reports",
        "GET /v1/builds/123",
    ]
    assert stub.requests[1][1]["at"] == waiting.report.at.isoformat().replace("+00:00", "Z")
    assert stub.headers[1]["Idempotency-Key"] == waiting.idempotency_key
    assert spool.waiting(tmp_path / "data/spool") == []


def test_a_refused_one_is_put_aside_and_the_command_goes_on(
    bldst: Callable[..., Any], stub: Any, tmp_path: Path, make_build: Callable[..., Any]
) -> None:
    stub.on("GET /v1/builds/123", make_build().model_dump(mode="json"))
    stub.refuse("POST /v1/builds/123/reports", 409, detail="Build 123 is complete.")
    spool.keep(tmp_path / "data/spool", kept(url=stub.url))
    answer = bldst("build", "get", "123", "-o", "json")
    assert answer.code == 0
    assert "warning: the service refused a kept report: Build 123 is complete." in answer.err
    assert len(list((tmp_path / "data/spool/refused").glob("*.json"))) == 1


def test_a_spool_that_cannot_be_used_does_not_stop_a_command(
    bldst: Callable[..., Any], stub: Any, tmp_path: Path, make_build: Callable[..., Any]
) -> None:
    stub.on("GET /v1/builds/123", make_build().model_dump(mode="json"))
    folder = tmp_path / "data/spool"
    spool.keep(folder, kept(url=stub.url))
    (folder / ".lock").mkdir()
    answer = bldst("build", "get", "123", "-o", "json")
    assert answer.code == 0
    assert "kept reports cannot be sent" in answer.err


def test_reports_are_sent_in_order(tmp_path: Path) -> None:
    for state in (5, 25, 10):
        spool.keep(tmp_path, kept(state=state))
    sent = []
    drained = spool.drain(tmp_path, URL, sent.append)
    assert [each.report.state for each in sent] == [5, 25, 10]
    assert drained.sent == 3
    assert spool.waiting(tmp_path) == []


def test_reports_for_another_service_wait(tmp_path: Path) -> None:
    spool.keep(tmp_path, kept(url="http://other"))
    assert spool.drain(tmp_path, URL, raiser(AssertionError)).sent == 0
    assert len(spool.waiting(tmp_path)) == 1


@pytest.mark.parametrize(
    "error", [Unreachable("no"), NotAllowed("no"), BuildStateError("no")], ids=lambda e: e.code
)
def test_what_may_pass_later_stays_and_stops_the_rest(error: BaseException, tmp_path: Path) -> None:
    for state in (5, 10):
        spool.keep(tmp_path, kept(state=state))
    tries = []

    def send(report: Any) -> Never:
        tries.append(report)
        raise error

    spool.drain(tmp_path, URL, send)
    assert len(tries) == 1
    assert len(spool.waiting(tmp_path)) == 2


@pytest.mark.parametrize(
    "error", [InvalidInput("no"), NotFound("no"), Conflict("no")], ids=lambda e: e.code
)
def test_what_will_never_be_taken_is_put_aside(error: BaseException, tmp_path: Path) -> None:
    spool.keep(tmp_path, kept())
    [refused] = spool.drain(tmp_path, URL, raiser(error)).refused
    assert refused.reason == "no"
    assert refused.file.parent == tmp_path / "refused"
    assert spool.waiting(tmp_path) == []


def test_one_that_had_arrived_after_all_counts_as_sent(tmp_path: Path) -> None:
    spool.keep(tmp_path, kept())
    taken = InvalidInput("This Idempotency-Key was used already.", code=spool.ALREADY_TAKEN)
    drained = spool.drain(tmp_path, URL, raiser(taken))
    assert (drained.sent, drained.refused, spool.waiting(tmp_path)) == (1, [], [])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"api_url": "http://service"}'])
def test_a_damaged_file_is_put_aside(content: str, tmp_path: Path) -> None:
    spool.keep(tmp_path, kept())
    (tmp_path / "0.json").write_text(content)
    drained = spool.drain(tmp_path, URL, lambda _: None)
    assert (drained.sent, len(drained.refused)) == (1, 1)


def drain_slowly(folder: Path, counts: Any, barrier: Any) -> None:
    barrier.wait()
    counts.put(spool.drain(folder, URL, lambda _: None).sent)


def test_processes_that_drain_together_send_each_report_once(tmp_path: Path) -> None:
    for state in range(50):
        spool.keep(tmp_path, kept(state=state))
    context = multiprocessing.get_context("fork")
    counts, barrier = context.Queue(), context.Barrier(4)
    drainers = [
        context.Process(target=drain_slowly, args=(tmp_path, counts, barrier)) for _ in range(4)
    ]
    for each in drainers:
        each.start()
    assert sum(counts.get(timeout=30) for _ in drainers) == 50
    for each in drainers:
        each.join()
    assert spool.waiting(tmp_path) == []
