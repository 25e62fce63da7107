"""A command, and the scripts in its words, as simple commands."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildstate_worker.inputs.words.script import SimpleCommand, simple_commands


def of(script: str, **environ: str) -> list[SimpleCommand]:
    """Return the commands of a shell's script."""
    return list(simple_commands(["sh", "-c", script], environ))[1:]


def words(script: str) -> list[str]:
    return [" ".join(each.words) for each in of(script)]


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("cat a; cat b", ["cat a", "cat b"]),
        ("cat a;cat b&cat c", ["cat a", "cat b", "cat c"]),
        ("cat a && cat b || cat c | cat d", ["cat a", "cat b", "cat c", "cat d"]),
        ("cat a\ncat b\n\n\ncat c", ["cat a", "cat b", "cat c"]),
        ("(cat a);(cat b)", ["cat a", "cat b"]),
        ("(cd a; (cat b));cat c", ["cd a", "cat b", "cat c"]),
        ("{ cat a; cat b; }", ["cat a", "cat b"]),
        ("if test -f a; then cat b; else cat c; fi", ["test -f a", "cat b", "cat c", "fi"]),
        ("for x in a b; do cat $x; done", ["for x in a b", "cat $x", "done"]),
        ("while read x; do cat a; done < b", ["read x", "cat a", "done"]),
        ("! cat a", ["cat a"]),
        ("cat \\\n a", ["cat a"]),
        ("echo $(cat a)", ["echo $", "cat a"]),
        ('echo "one $(cat a)"', ["echo one $(cat a)", "one $", "cat a"]),
        ("echo `cat a`", ["echo cat a"]),
        ("diff <(sort a) <(sort b)", ["diff", "sort a", "", "sort b"]),
        ("sh -c 'cat a; cat b'", ["sh -c cat a; cat b", "cat a", "cat b"]),
        ("cat 'a b'", ["cat a b", "a b"]),
        ("# don't\ncat a; cat b", ["# don t", "cat a", "cat b"]),
        ("cat <<EOF\nit's\nEOF\ncat a;cat b", ["cat EOF", "it s", "EOF", "cat a", "cat b"]),
    ],
)
def test_a_script_is_parted_into_its_commands(script: str, found: list[str]) -> None:
    assert words(script) == found


@pytest.mark.parametrize(
    ("command", "own"),
    [
        ("sudo bash x.sh", "bash x.sh"),
        ("sudo -u build -E bash x.sh", "bash x.sh"),
        ("sudo -n -- bash x.sh", "bash x.sh"),
        ("/usr/bin/sudo --user=build bash x.sh", "bash x.sh"),
        ("env -i A=b C=d bash x.sh", "bash x.sh"),
        ("A=b bash x.sh", "bash x.sh"),
        ("nice -n 10 ionice -c 3 make all", "make all"),
        ("timeout -k 5 10m make all", "make all"),
        ("flock -w 5 lock make all", "make all"),
        ("time -p make", "make"),
        ("xargs -n 1 -P 4 bash x.sh", "bash x.sh"),
        ("exec make", "make"),
        ("env", "env"),
        ("sudo -u", "-u"),
        ("sudo", "sudo"),
        ("make sudo", "make sudo"),
    ],
)
def test_what_only_says_how_a_command_is_run_is_apart(command: str, own: str) -> None:
    found = next(iter(simple_commands(command.split())))
    assert " ".join(found.words) == own
    assert [*found.before, *found.words] == command.split()


@pytest.mark.parametrize(
    ("script", "redirected", "read"),
    [
        ("cat <a >b", ["b"], ["a"]),
        ("cat < a >> b 2>c", ["b", "c"], ["a"]),
        ("cat a &>b", ["b"], []),
        ("cat a >|b", ["b"], []),
        ("cat a 2>&1", [], []),
        ("cat <<< a", [], ["a"]),
        ("cat >", [], []),
    ],
)
def test_what_is_redirected_is_known(script: str, redirected: list[str], read: list[str]) -> None:
    found = of(script)[0]
    assert (list(found.redirected), list(found.read)) == (redirected, read)


@pytest.mark.parametrize(
    ("script", "folders"),
    [
        ("cat a", [(".",)]),
        ("cd b && cat a", [(".",), (".", "./b")]),
        ("cd b; cd ..; cat a", [(".",), (".", "./b"), (".", "./b", "./b/..")]),
        ("(cd b; cat a); cat a", [(".",), (".", "./b"), (".",)]),
        ("x=$(cd b; cat a) cat a", [(".",), (".",), (".", "./b"), (".",)]),
        ("cd /srv && cat a", [(".",), (".", "/srv")]),
        ("cd $SUB/b && cat a", [(".",), (".", "./sub/b")]),
        ("cat a) cat b", [(".",), (".",)]),
    ],
)
def test_where_a_command_runs_is_known(script: str, folders: list[tuple[str, ...]]) -> None:
    assert [each.folders for each in of(script, SUB="sub")] == folders


def test_a_word_that_is_a_file_is_no_script(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("a b") / "x; y"
    path.touch()
    assert len(list(simple_commands(["cat", str(path)]))) == 1


@given(st.text("abc '\"`$();&|<>\\\n#{}", max_size=40))
@settings(deadline=None, derandomize=True)
def test_any_text_is_parted_in_the_end(text: str) -> None:
    found = list(simple_commands(["sh", "-c", text]))
    assert list(found[0].words) == ["sh", "-c", text]


@pytest.mark.parametrize("word", ["x" * 100_001 + " y", "a\0 b"])
def test_what_is_no_script_is_left_alone(word: str) -> None:
    assert len(list(simple_commands(["echo", word]))) == 1
