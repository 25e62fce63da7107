"""What strace sees of a real command: which events come of it."""

import os
import sys
from pathlib import Path

import pytest

from buildstate_worker.reads.hook import Act, Recording
from buildstate_worker.reads.tracing import Strace
from buildstate_worker.reads.tracing.parsing import Reader

from .traced import did

ODD: list[str] = [
    "two words",
    " begins and ends with a blank ",
    "two\nlines",
    "tab\tand\rreturn",
    "a \"quote\" and 'another'",
    "back\\slash\\n",
    "<angle> (round) [square] = -1 ENOENT",
    ") = 3",
    "née Größe 日本",
    os.fsdecode(b"no \xff unicode"),
    "x" * 255,
    "<unfinished ...>",
    "-o",
    "\033[31m",
    "0\0017",
]


def paths(seen: Recording, act: Act, folder: Path) -> list[str]:
    """Return the places below a folder at which something was done."""
    found = (
        os.path.normpath(Path(each.folder, each.path)) for each in seen.events if each.act is act
    )
    start = f"{folder}/"
    return [each.removeprefix(start) for each in found if each.startswith(start)]


@pytest.mark.parametrize("name", ODD)
def test_a_file_whatever_its_name(strace: Strace, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("a")
    assert paths(did(strace, tmp_path, "cat", "--", name), Act.READ, tmp_path) == [name]


@pytest.mark.parametrize("name", ODD)
def test_the_names_in_a_folder_whatever_its_name(strace: Strace, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert paths(did(strace, tmp_path, "ls", "--", name), Act.LISTED, tmp_path) == [name]


def test_relative_to_where_each_process_has_gone(strace: Strace, tmp_path: Path) -> None:
    for place in ("a/hosts", "a/b/hosts", "hosts"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text("a")
    (tmp_path / "a/b/tool").write_text("#!/bin/sh\ncat hosts\n")
    (tmp_path / "a/b/tool").chmod(0o755)
    script = "(cd a && cat hosts; cd b; (cd /; :); ./tool); cat hosts"
    seen = did(strace, tmp_path, "sh", "-c", script)
    assert [each for each in paths(seen, Act.READ, tmp_path) if each] == [
        "a/hosts",
        "a/b/tool",
        "a/b/hosts",
        "hosts",
    ]


def test_relative_to_a_descriptor_and_in_threads(strace: Strace, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for place in ("a/one", "a/two", "a/three", "a/four"):
        (tmp_path / place).write_text("a")
    script = """
import os, subprocess, threading
folder = os.open("a", os.O_RDONLY)
os.open("one", os.O_RDONLY, dir_fd=folder)
os.rename("two", "moved", src_dir_fd=folder, dst_dir_fd=folder)
subprocess.run(["cat", "three"], cwd="a", check=True)
os.fchdir(folder)
thread = threading.Thread(target=lambda: os.unlink("four"))
thread.start()
thread.join()
"""
    seen = did(strace, tmp_path, sys.executable, "-c", script)
    assert paths(seen, Act.READ, tmp_path) == ["a", "a/one", "a/two", "a/three"]
    assert paths(seen, Act.WRITTEN, tmp_path) == ["a/moved"]
    assert paths(seen, Act.REMOVED, tmp_path) == ["a/two", "a/four"]


def test_what_is_made_moved_linked_and_removed(strace: Strace, tmp_path: Path) -> None:
    (tmp_path / "old").write_text("a")
    script = """
    mkdir made; echo a > made/draft; mv made/draft made/file; ln made/file hard; ln -s x soft
    rm old; mkdir -p made; rmdir nothing; truncate -s 0 cut
    """
    seen = did(strace, tmp_path, "sh", "-c", script)
    assert set(paths(seen, Act.WRITTEN, tmp_path)) == {
        "made",
        "made/draft",
        "made/file",
        "hard",
        "soft",
        "cut",
    }
    assert set(paths(seen, Act.REMOVED, tmp_path)) == {"made/draft", "old"}


def test_what_is_not_there(strace: Strace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a")
    seen = did(strace, tmp_path, "cat", "missing", "file/below", "no/such")
    assert paths(seen, Act.MISSED, tmp_path) == ["missing", "file/below", "no/such"]


def test_what_is_opened_for_both(strace: Strace, tmp_path: Path) -> None:
    (tmp_path / "both").write_text("a")
    seen = did(strace, tmp_path, "sh", "-c", ": <> both")
    assert paths(seen, Act.EITHER, tmp_path) == ["both"]


def test_programs_and_their_scripts(strace: Strace, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name, first in {"tool": "#!/bin/sh", "other": "#!/usr/bin/env sh"}.items():
        (tmp_path / "bin" / name).write_text(f"{first}\n:\n")
        (tmp_path / "bin" / name).chmod(0o755)
    seen = did(strace, tmp_path, "sh", "-c", 'bin/tool; PATH="$PWD/bin:$PATH"; other')
    assert paths(seen, Act.READ, tmp_path) == ["bin/tool", "bin/other"]


def test_many_processes_at_once(strace: Strace, tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}/hosts").write_text("a")
    script = "for each in $(seq 0 99); do (cd $each; cat hosts) & done; wait"
    seen = did(strace, tmp_path, "sh", "-c", script)
    assert set(paths(seen, Act.READ, tmp_path)) == {f"{each}/hosts" for each in range(100)}


def test_no_line_breaks_the_reading() -> None:
    whole = '7 1700000000.000001 openat(AT_FDCWD</w>, "hosts", O_RDONLY) = 3</w/hosts>\n'
    damaged = [whole[:length] for length in range(len(whole))]
    lines = [
        *damaged,
        whole.replace("hosts", "\\"),
        whole.replace("3<", "?<"),
        "7 1700000000.000001 <... openat resumed>) = 3\n",
        "7 1700000000.000001 vfork( <unfinished ...>\n",
        "strace: Process 9 attached\n",
        "\n",
        whole,
    ]
    seen = Recording()
    Reader(seen, "/w").read(lines)
    assert [each.path for each in seen.events] == ["hosts"]


def test_a_child_that_is_seen_before_its_parent_knows_of_it() -> None:
    seen = Recording()
    Reader(seen, "/w").read(
        [
            '1 1.000001 chdir("a") = 0\n',
            "1 1.000002 vfork( <unfinished ...>\n",
            '2 1.000003 chdir("b") = 0\n',
            '2 1.000004 execve("./tool", ["./tool"], 0x1 /* 2 vars */ <unfinished ...>\n',
            "1 1.000005 <... vfork resumed>) = 2\n",
            "2 1.000006 <... execve resumed>) = 0\n",
            "2 1.000007 +++ exited with 0 +++\n",
            '1 1.000008 execve("./tool", ["./tool"], 0x1 /* 2 vars */) = 0\n',
        ]
    )
    found = [(each.folder, each.path) for each in seen.events]
    assert found == [("/w/a/b", "./tool"), ("/w/a", "./tool")]


def test_an_older_strace_that_does_not_say_where_a_process_is() -> None:
    seen = Recording()
    Reader(seen, "/w").read(['1 1.000002 openat(AT_FDCWD, "hosts", O_RDONLY) = 3</w/hosts>\n'])
    assert [(each.folder, each.path) for each in seen.events] == [("/w", "hosts")]


def test_a_project_among_the_systems_own_folders() -> None:
    line = '1 1.000002 openat(AT_FDCWD</usr/share/{0}>, "/usr/share/{0}/hosts", O_RDONLY) = 3\n'
    found = {}
    for start in ("/usr/share/images", "/srv/images"):
        seen = Recording()
        Reader(seen, start).read([line.format("images")])
        found[start] = len(seen.events)
    assert found == {"/usr/share/images": 1, "/srv/images": 0}


def test_it_is_full_of_more_than_can_be_compared() -> None:
    seen = Recording()
    line = '1 1.000002 openat(AT_FDCWD</w>, "{}", O_RDONLY) = 3</w/x>\n'
    Reader(seen, "/w").read(line.format(number) for number in range(200_001))
    assert seen.is_full
