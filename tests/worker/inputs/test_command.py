"""All that goes into a command, before it runs and when it has ended."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildstate_core.models import RecordedRead
from buildstate_core.vocabulary import Seen
from buildstate_worker.inputs import command
from buildstate_worker.inputs.command import Looked, Settled, settle
from buildstate_worker.reads import Scope, compare

from .checkouts import Folder

MakeFolder = Callable[..., Folder]


def settled(folder: Folder, looked: Looked) -> Settled:
    return settle(looked, folder.checkout(), "0198")


def test_what_nobody_touched_is_as_it_was(folder: Folder) -> None:
    folder.write("hosts")
    assert settled(folder, folder.look("cat", "hosts")) == Settled()


def test_a_declared_file_and_the_same_in_the_words_are_one_input(folder: Folder) -> None:
    folder.write("hosts")
    assert folder.parts("cat", "hosts", inputs=["./hosts"]) == ["input:hosts"]
    assert folder.parts("cat", "hosts", inputs=["hosts"], finds=False) == ["input:hosts"]
    assert folder.parts("cat", "hosts", finds=False) == []


def test_a_promoted_file_has_the_digest_that_it_had(folder: Folder) -> None:
    folder.write("conf/hosts").chmod(0o755)
    for name in ("conf/hosts", "conf", "conf/*"):
        found = folder.look("cat", name).parts
        declared = folder.look("cat", name, inputs=[name]).parts
        assert found[f"found:{name}"] == declared[f"input:{name}"]


def test_what_changed_while_it_ran_is_the_same_as_nothing(folder: Folder) -> None:
    folder.write("hosts")
    looked = folder.look("bash", "hosts")
    folder.write("hosts", "22")
    after = settled(folder, looked)
    assert after.parts == {"found:hosts": "2:unstable:0198"}
    (warning,) = after.warnings
    assert warning == (
        "hosts changed while this ran, which may have read it: it runs again next time."
        " If the command writes it itself: --exclude 'hosts'."
    )


@pytest.mark.parametrize("word", ["conf", ".", "conf/*", "../project/conf/hosts"])
def test_what_the_warning_says_to_exclude_is_excluded_by_that(folder: Folder, word: str) -> None:
    folder.write("conf/hosts")
    looked = folder.look("bash", word)
    folder.write("conf/hosts", "22")
    (warning,) = settled(folder, looked).warnings
    assert warning.endswith("--exclude 'conf/hosts'.")
    before = folder.look("bash", word, excludes=["conf/hosts"]).parts
    folder.write("conf/hosts", "3")
    assert folder.look("bash", word, excludes=["conf/hosts"]).parts == before


def test_a_file_outside_can_be_excluded_as_the_warning_says(folder: Folder) -> None:
    outside = folder.path.parent / "hosts"
    outside.write_text("1")
    looked = folder.look("bash", "../hosts")
    outside.write_text("22")
    (warning,) = settled(folder, looked).warnings
    assert warning.endswith(f"--exclude '{outside}'.")
    assert folder.parts("bash", "../hosts", excludes=[str(outside)]) == []


def test_what_is_gone_when_it_has_ended_has_changed_as_well(folder: Folder) -> None:
    path = folder.write("hosts")
    looked = folder.look("bash", "hosts")
    path.unlink()
    assert settled(folder, looked).parts == {"found:hosts": "2:unstable:0198"}


@pytest.mark.parametrize("words", [("sed", "-i", "x", "hosts"), ("tee", "hosts")])
def test_what_the_command_writes_is_no_input_if_it_was_written(
    folder: Folder, words: tuple[str, ...]
) -> None:
    folder.write("hosts")
    looked = folder.look(*words)
    assert settled(folder, looked).parts == {}
    folder.write("hosts", "22")
    assert settled(folder, looked) == Settled(parts={"found:hosts": None})


def test_what_builds_wrote_before_in_a_folder_is_left_out_of_it(folder: Folder) -> None:
    folder.write("conf/hosts")
    alone = folder.look("cat", "conf").parts
    folder.write("conf/log")
    folder.note_made("conf/log")
    assert folder.look("cat", "conf").parts == alone
    folder.write("conf/log", "touched")
    assert folder.look("cat", "conf").parts == alone


def test_what_was_made_here_and_is_named_is_compared_where_it_is_there(folder: Folder) -> None:
    folder.write("gen.sh")
    folder.note_made("gen.sh")
    looked = folder.look("bash", "gen.sh")
    reads = settled(folder, looked).reads
    assert (looked.parts, [(each.path, each.what) for each in reads]) == (
        {},
        [("gen.sh", Seen.LEFT)],
    )


def test_a_folder_in_which_files_come_up_is_as_it_was(folder: Folder) -> None:
    folder.write("conf/hosts")
    looked = folder.look("cat", "conf")
    folder.write("conf/log")
    assert settled(folder, looked) == Settled()


def test_what_is_not_there_before_and_after_could_come_up(folder: Folder) -> None:
    looked = folder.look("true", "more.yml")
    assert [(each.path, each.what) for each in settled(folder, looked).reads] == [
        ("more.yml", Seen.ABSENT)
    ]
    folder.write("more.yml")
    assert settled(folder, looked).reads == ()


def test_what_is_excluded_neither_counts_nor_could_come_up(folder: Folder) -> None:
    folder.write("conf/a.log")
    looked = folder.look("cat", "conf/a.log", "b.log", excludes=["*.log"])
    after = settle(looked, folder.checkout(["*.log"]), "0198")
    assert (looked.parts, after) == ({}, Settled())


def test_a_folder_that_is_only_written_into_counts_if_something_is_in_it(folder: Folder) -> None:
    (folder.path / "out").mkdir()
    assert folder.parts("mkdir", "-p", "out") == []
    folder.write("out/hosts")
    assert folder.parts("mkdir", "-p", "out") == ["found:out"]


def test_many_found_files_have_one_part(folder: Folder) -> None:
    names = [f"conf/{number}" for number in range(201)]
    for name in names:
        folder.write(name)
    looked = folder.look("cat", *names)
    assert list(looked.parts) == ["found:*"]
    assert looked.files["found:*"] == 201
    folder.write("conf/7", "22")
    assert list(settled(folder, looked).parts) == ["found:*"]


@given(st.lists(st.sampled_from(["hosts", "conf", "conf/a", "*.yml", "-f", "x"]), max_size=6))
@settings(
    deadline=None,
    derandomize=True,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_command_has_the_same_parts_in_each_checkout(
    tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    found = []
    for name in ("one", "another one"):
        folder = Folder(tmp_path_factory.mktemp("x") / name)
        for file in ("a.yml", "conf/a", "conf/b", "hosts"):
            folder.write(file)
        found.append(folder.look("true", *words).parts)
    assert found[0] == found[1]


def test_more_than_is_compared_is_never_the_same_also_where_the_whole_folder_is_named(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_MOST_READS", 1)
    checkout = folder.checkout()
    found = settled(folder, folder.look("tool", ".", "a.yml", "b.yml"))
    assert [(each.path, each.what) for each in found.reads] == [(".", Seen.UNSTABLE)]
    assert "--exclude" in found.warnings[0]
    scope = Scope(project=checkout.project, known=[str(folder.path)])
    recorded = [RecordedRead(path=each.path, what=each.what) for each in found.reads]
    looked = compare(recorded, scope, digests=checkout.digests, made=folder.made)
    assert looked.changed == "."
