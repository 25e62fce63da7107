"""Digests that are remembered for as long as nobody touches a file."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import until

from buildstate_worker.reads import Digests, recording
from buildstate_worker.reads.digests import _GRAIN_NS

from .machines import Machine


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "hosts"
    file.write_text("a")
    until(lambda: time.time_ns() - file.stat().st_ctime_ns > _GRAIN_NS)
    return file


@pytest.fixture
def opened(tmp_path: Path, file: Path) -> Callable[[], bool]:
    """Digest the file in a new process, as it were, and tell whether it was opened."""

    def opened() -> bool:
        digests = Digests(tmp_path / "memory", str(tmp_path))
        with recording() as seen:
            assert digests.of(str(file)) is not None
        digests.save()
        return str(file) in {each.path for each in seen.events}

    return opened


def test_an_untouched_file_is_read_once(opened: Any) -> None:
    assert [opened(), opened(), opened()] == [True, False, False]


def test_a_file_that_was_changed_is_read_again_also_if_its_time_is_set_back(
    file: Path, opened: Any
) -> None:
    opened()
    status = file.stat()
    file.write_text("b")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert opened()


def test_a_file_that_was_changed_just_now_is_not_remembered(file: Path, opened: Any) -> None:
    later = time.time_ns() + 10**12
    os.utime(file, ns=(later, later))
    assert [opened(), opened()] == [True, True]


def test_a_memory_that_makes_no_sense_is_none(tmp_path: Path, opened: Any) -> None:
    opened()
    [memory] = (tmp_path / "memory/digests").iterdir()
    for text in ("", "[]", '{"a": 1}', "{"):
        memory.write_text(text)
        assert opened()


def test_what_is_no_file_has_none(tmp_path: Path) -> None:
    digests = Digests(tmp_path / "memory", str(tmp_path))
    assert digests.of(str(tmp_path)) is None
    assert digests.of(str(tmp_path / "absent")) is None


def test_a_thousand_files_are_compared_without_opening_one(machine: Machine) -> None:
    places = [f"sources/{number}" for number in range(1000)]
    last = [machine.write(each) for each in places][-1]
    until(lambda: time.time_ns() - last.stat().st_ctime_ns > _GRAIN_NS)

    def function() -> None:
        for each in places:
            Path(each).read_text()

    judged = machine.run(function)
    assert len(judged.reads) == 1000
    with recording() as seen:
        assert machine.changed(judged) is None
    assert [each.path for each in seen.events if "/sources/" in each.path] == []
    last.write_text("b")
    assert machine.changed(judged) == "sources/999"
