"""What a command is fed with: a file, a pipe, nothing; and again later."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_worker.inputs.standard_input import (
    MOST_BYTES,
    Feed,
    feed_again,
    feed_of_this_process,
)

SAME, OTHER = "some text", "another text"
UNSTABLE = {"stdin": "2:unstable:0198"}


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text"
    path.write_text(SAME)
    return path


@pytest.fixture
def opened(text: Path) -> Iterator[int]:
    descriptor = os.open(text, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for each in ends:
        try:
            os.close(each)
        except OSError:
            continue


def feed(descriptor: int, *, is_declared: bool = False) -> Feed:
    return feed_of_this_process(is_declared=is_declared, descriptor=descriptor)


def read_by_child(fed: Feed) -> str:
    with fed.given() as stdin:
        return subprocess.run(
            ["cat"], stdin=stdin, capture_output=True, text=True, check=True
        ).stdout


class TestFile:
    def test_it_counts_if_the_command_has_moved_in_it(self, opened: int) -> None:
        fed = feed(opened)
        assert list(fed.parts) == ["stdin"]
        os.read(opened, 1)
        assert fed.revised("0198") == {}

    def test_it_does_not_count_if_nobody_has_read_it(self, opened: int) -> None:
        assert feed(opened).revised("0198") == {"stdin": None}

    def test_it_counts_from_where_it_is_read(self, opened: int, text: Path) -> None:
        os.lseek(opened, 5, os.SEEK_SET)
        before = feed(opened).parts
        text.write_text(f"more {SAME[5:]}")
        assert feed(opened).parts == before
        os.lseek(opened, 4, os.SEEK_SET)
        assert feed(opened).parts != before

    def test_one_that_changes_meanwhile_is_the_same_as_nothing(
        self, opened: int, text: Path
    ) -> None:
        fed = feed(opened)
        os.read(opened, 1)
        text.write_text(OTHER)
        assert fed.revised("0198") == UNSTABLE

    def test_it_is_not_used_up(self, opened: int) -> None:
        assert not feed(opened).is_used_up()


class TestPipe:
    def test_one_that_holds_something_is_used_up(self, pipe: tuple[int, int]) -> None:
        os.write(pipe[1], b"x")
        fed = feed(pipe[0])
        assert (fed.parts, fed.file, fed.is_used_up()) == ({}, None, True)

    def test_nothing_is_taken_from_it(self, pipe: tuple[int, int]) -> None:
        os.write(pipe[1], b"x")
        feed(pipe[0]).is_used_up()
        assert os.read(pipe[0], 9) == b"x"

    def test_one_that_stays_open_and_empty_is_not(self, pipe: tuple[int, int]) -> None:
        assert not feed(pipe[0]).is_used_up()

    def test_one_whose_writer_is_gone_without_a_word_is_not(self, pipe: tuple[int, int]) -> None:
        os.close(pipe[1])
        assert not feed(pipe[0]).is_used_up()

    def test_one_whose_writer_comes_and_goes_meanwhile_is(self, pipe: tuple[int, int]) -> None:
        fed = feed(pipe[0])
        os.write(pipe[1], b"x")
        os.read(pipe[0], 1)
        os.close(pipe[1])
        assert fed.is_used_up()


class TestDeclared:
    def test_all_of_a_pipe_counts_and_is_given_each_time(self, pipe: tuple[int, int]) -> None:
        os.write(pipe[1], SAME.encode())
        os.close(pipe[1])
        fed = feed(pipe[0], is_declared=True)
        assert sorted(fed.parts) == ["declared:stdin", "stdin"]
        assert [read_by_child(fed), read_by_child(fed)] == [SAME, SAME]
        assert (fed.revised("0198"), fed.is_used_up()) == ({}, True)
        fed.close()

    def test_a_file_and_a_pipe_of_one_content_are_the_same(
        self, pipe: tuple[int, int], opened: int
    ) -> None:
        os.write(pipe[1], SAME.encode())
        os.close(pipe[1])
        one, other = (feed(each, is_declared=True) for each in (pipe[0], opened))
        assert one.parts == other.parts
        one.close()
        other.close()

    def test_a_closed_one_is_empty(self, pipe: tuple[int, int]) -> None:
        os.close(pipe[0])
        fed = feed(pipe[0], is_declared=True)
        assert read_by_child(fed) == ""
        fed.close()

    def test_more_than_is_kept_is_refused(self) -> None:
        zeros = os.open("/dev/zero", os.O_RDONLY)
        with pytest.raises(InvalidInput) as caught:
            feed(zeros, is_declared=True)
        os.close(zeros)
        assert caught.value.code == "stdin-too-large"
        assert f"{MOST_BYTES // 2**20} MiB" in caught.value.message


class TestAgain:
    def test_a_file_is_given_from_where_it_was_read(self, opened: int) -> None:
        os.lseek(opened, 5, os.SEEK_SET)
        first = feed(opened)
        again = feed_again(first.file)
        assert again is not None
        assert again.parts == first.parts
        assert read_by_child(again) == SAME[5:]
        assert again.revised("0198") == {}

    def test_one_that_is_not_read_again_does_not_count(self, opened: int) -> None:
        again = feed_again(feed(opened).file)
        assert again is not None
        with again.given():
            pass
        assert again.revised("0198") == {"stdin": None}

    def test_one_that_changes_meanwhile_is_the_same_as_nothing(
        self, opened: int, text: Path
    ) -> None:
        again = feed_again(feed(opened).file)
        assert again is not None
        with again.given() as stdin:
            subprocess.run(["cat"], stdin=stdin, check=True, capture_output=True)
            text.write_text(OTHER)
        assert again.revised("0198") == UNSTABLE

    def test_another_file_or_none_by_now_is_gone(self, opened: int, text: Path) -> None:
        file = feed(opened).file
        text.write_text(OTHER)
        assert feed_again(file) is None
        text.unlink()
        assert feed_again(file) is None

    def test_what_was_fed_with_no_file_is_fed_with_nothing(self) -> None:
        again = feed_again(None)
        assert again is not None
        assert read_by_child(again) == ""
        assert again.revised("0198") == {}


def test_a_descriptor_that_is_none_is_nothing() -> None:
    fed = feed(9999)
    assert (fed.parts, fed.file, fed.is_used_up(), fed.revised("0198")) == ({}, None, False, {})
