"""The part for a command's words, wherever its checkout lies."""

from pathlib import Path

import pytest

from buildstate_worker.fingerprint.command import command_parts, command_parts_1


@pytest.fixture
def checkouts(tmp_path: Path) -> tuple[Path, Path]:
    one, other = tmp_path / "one", tmp_path / "another one"
    one.mkdir()
    other.mkdir()
    return one, other


@pytest.mark.parametrize(
    "word",
    [
        "{}",
        "{}/hosts",
        "--file={}/hosts",
        "src={}/a,dst=/b",
        "{}/a:{}/b",
        "cd {} && make",
        "file://{}/a",
        "-I{}/a",
    ],
)
def test_where_a_checkout_lies_does_not_count(checkouts: tuple[Path, Path], word: str) -> None:
    one, other = (command_parts([word.format(each, each)], each) for each in checkouts)
    assert one == other


@pytest.mark.parametrize("word", ["{}x/hosts", "/mnt{}/hosts", "{}.old"])
def test_what_only_begins_or_ends_like_it_counts(checkouts: tuple[Path, Path], word: str) -> None:
    one, other = (command_parts([word.format(each)], each) for each in checkouts)
    assert one != other


def test_a_checkout_behind_a_link_is_the_same(
    checkouts: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = tmp_path / "link"
    link.symlink_to(checkouts[0])
    monkeypatch.setenv("PWD", str(link))
    assert command_parts([f"{link}/a"], checkouts[0]) == command_parts(["./a"], checkouts[0])


def test_a_working_directory_of_a_program_around_is_not_taken_for_this_one(
    checkouts: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PWD", str(tmp_path))
    words = [f"{tmp_path}/hosts"]
    assert command_parts(words, checkouts[0]) != command_parts(["./hosts"], checkouts[0])


def test_each_word_and_their_order_count(tmp_path: Path) -> None:
    commands = (["a", "b"], ["b", "a"], ["a b"], ["a", "b", ""], ["a"])
    assert len({str(command_parts(each, tmp_path)) for each in commands}) == len(commands)


def test_a_version_stands_for_the_words(tmp_path: Path) -> None:
    assert command_parts(["a"], tmp_path, version="1") == command_parts(
        ["b"], tmp_path, version="1"
    )
    assert command_parts(["a"], tmp_path, version="1") != command_parts(
        ["a"], tmp_path, version="2"
    )
    assert command_parts_1(["a"], version="1") == command_parts_1(["b"], version="1")
