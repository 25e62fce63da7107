"""How far uploads and downloads are: told to the service, and logged outside a flow."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support import until

from buildstate_flows import Artifact, milestone

MIB = 2**20


@contextmanager
def heard(take: Callable[[str], None]) -> Iterator[None]:
    """Give each line that is logged meanwhile to a function, as a program's own log would."""

    class Taking(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            take(record.getMessage())

    logger, handler = logging.getLogger("buildstate_flows"), Taking()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


@pytest.fixture
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have lines for transfers that are quick, too."""
    monkeypatch.setattr("buildstate_worker.transfer_progress.LINE_EVERY_SECONDS", 0.0)


@milestone(state=10)
def base() -> Path:
    with Path("base.raw").open("wb") as file:
        file.truncate(64 * MIB)
    return Path("base.raw")


@milestone(state=25)
def measure(image: Path) -> int:
    return image.stat().st_size


@milestone(state=25)
def measure_late(image: Artifact) -> int:
    return image.stat().st_size


@pytest.mark.usefixtures("_at_once")
@pytest.mark.parametrize("measuring", [measure, measure_late], ids=["as argument", "by itself"])
def test_the_service_and_the_log_are_told_how_far_uploads_and_downloads_are(
    worker_a: Any, worker_b: Any, measuring: Any
) -> None:
    seen: list[tuple[str, str]] = []

    def take(line: str) -> None:
        if line.startswith(("uploaded", "downloaded")):
            # It is still under way for the service: this holds it up until a heartbeat has come.
            until(lambda: worker_a.history()[-1].transfer is not None)
            transfer = worker_a.history()[-1].transfer
            seen.append((line.partition(" in ")[0], f"{transfer.activity} {transfer.name}"))

    with heard(take):
        with worker_a.build():
            base()
        with worker_b.build():
            assert measuring(base()) == 64 * MIB
    assert seen == [
        ("uploaded base.raw: 64.0 MiB", "uploading base.raw"),
        ("downloaded base.raw: 64.0 MiB", "downloading base.raw"),
    ]
    assert [each.status for each in worker_a.history()] == ["completed", "completed"]


def test_of_transfers_that_are_quick_nothing_is_logged(worker_a: Any, worker_b: Any) -> None:
    lines: list[str] = []
    with heard(lines.append):
        with worker_a.build():
            base()
        with worker_b.build():
            assert base().stat().st_size == 64 * MIB
    assert [each for each in lines if "load" in each] == []


@pytest.mark.usefixtures("_at_once")
def test_a_log_that_nobody_takes_any_more_ends_no_upload(worker_a: Any) -> None:
    def take(line: str) -> None:
        if "load" in line:
            raise SystemExit(1)  # as a console does whose other end is gone

    with heard(take), worker_a.build():
        base()
    assert [each.status for each in worker_a.history()] == ["completed"]
