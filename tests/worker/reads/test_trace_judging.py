"""Which of the files that a traced command opens are its inputs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from buildstate_core.errors import InvalidInput
from buildstate_worker.reads import Made, Project, Scope
from buildstate_worker.reads.tracing import (
    NOTHING,
    Strace,
    Trace,
    judge_command,
    written_by,
)

from .machines import BUILD, Machine, seen
from .traced import attempt_at, run, shell


class TestCounts:
    @pytest.mark.parametrize(
        "script",
        [
            pytest.param("cat hosts", id="read"),
            pytest.param("cat < hosts", id="as its standard input"),
            pytest.param("cp hosts copied", id="copied"),
            pytest.param(". ./hosts", id="run by a shell"),
            pytest.param("cat 0<> hosts", id="opened for both, and only read"),
            pytest.param('cd /; cat "$OLDPWD/hosts"', id="absolute"),
            pytest.param("cat conf/../hosts", id="through another folder"),
            pytest.param("(sleep 0; exec cat hosts) & wait", id="in the background"),
        ],
    )
    def test_a_file_that_is_opened(self, machine: Machine, strace: Strace, script: str) -> None:
        machine.write("hosts", "true")
        machine.write("conf/other")
        judged = shell(machine, strace, script)
        assert "file hosts" in seen(judged)
        assert machine.changed(judged) is None
        machine.write("hosts", "false")
        assert machine.changed(judged) == "hosts"

    def test_what_a_script_in_the_project_is_and_reads(
        self, machine: Machine, strace: Strace
    ) -> None:
        machine.write("hosts")
        machine.write("bin/tool", "#!/bin/sh\ncat hosts\n").chmod(0o755)
        assert seen(run(machine, strace, "bin/tool")) == ["file bin/tool", "file hosts"]

    def test_modules_that_a_traced_python_imports(self, machine: Machine, strace: Strace) -> None:
        machine.write("tool.py", "import helper\n")
        machine.write("helper.py", "a = 1\n")
        for _ in range(2):  # the second time it is compiled
            judged = run(machine, strace, sys.executable, "tool.py")
            assert {"file tool.py", "file helper.py"} <= set(seen(judged))

    def test_what_was_not_there(self, machine: Machine, strace: Strace) -> None:
        judged = shell(machine, strace, "cat extra 2>/dev/null || :")
        assert seen(judged) == ["absent extra"]
        assert machine.changed(judged) is None
        machine.write("extra")
        assert machine.changed(judged) == "extra"

    def test_what_was_not_there_before_it_made_it(
        self, machine: Machine, other: Machine, strace: Strace
    ) -> None:
        judged = shell(machine, strace, "cat made 2>/dev/null || echo a > made")
        assert seen(judged) == ["absent made"]
        assert machine.changed(judged) is None
        assert other.changed(judged) is None
        other.write("made")
        assert other.changed(judged) == "made"

    def test_a_folder_that_is_listed(
        self, machine: Machine, other: Machine, strace: Strace
    ) -> None:
        for each in (machine, other):
            each.write("conf/a")
        judged = shell(machine, strace, "mkdir conf/new; echo conf/*")
        assert "listing conf" in seen(judged)
        assert [each.changed(judged) for each in (machine, other)] == [None, None]
        other.write("conf/b")
        assert other.changed(judged) == "conf"

    def test_a_folder_that_it_made_and_filled_is_still_none_when_a_later_state_fills_it(
        self, machine: Machine, strace: Strace
    ) -> None:
        machine.write("conf/a")
        judged = shell(machine, strace, "mkdir conf/new; echo conf/*")
        machine.write("conf/new/later")
        assert machine.changed(judged) is None

    def test_what_it_moves_away(self, machine: Machine, strace: Strace) -> None:
        machine.write("hosts")
        judged = shell(machine, strace, "mv hosts done")
        assert seen(judged) == ["unstable hosts"]
        assert "--exclude hosts" in judged.warnings[0]


class TestCountsNot:
    @pytest.mark.parametrize(
        "script",
        [
            pytest.param("echo a > draft; cat draft", id="written before"),
            pytest.param("echo a > draft; mv draft file; cat file", id="written and moved"),
            pytest.param("echo a >> log", id="appended to"),
            pytest.param(
                "mkdir new; echo a > new/file; cat new/file; mv new old", id="in a folder"
            ),
            pytest.param("echo a 1<> both", id="opened for both, and written"),
            pytest.param("test -e extra || :", id="only looked at"),
            pytest.param("rm -f hosts", id="removed"),
        ],
    )
    def test_what_it_makes_or_only_changes(
        self, machine: Machine, strace: Strace, script: str
    ) -> None:
        machine.write("hosts")
        machine.write("both")
        assert seen(shell(machine, strace, script)) == []

    def test_what_is_declared_or_left_out(self, machine: Machine, strace: Strace) -> None:
        known = machine.write("declared")
        machine.write("cache/a")
        machine.write("named")
        judged = shell(
            machine,
            strace,
            "cat declared cache/a named",
            known=[str(known)],
            ignore=["cache/*"],
            leaves_out=lambda path: path.endswith("/named"),
        )
        assert seen(judged) == []

    def test_what_git_ignores(self, in_git: Machine, strace: Strace) -> None:
        in_git.write(".gitignore", "build/\n")
        in_git.write("build/a")
        assert seen(shell(in_git, strace, "cat build/a; ls build")) == []

    def test_what_lies_outside_and_is_told(
        self, machine: Machine, strace: Strace, tmp_path: Path
    ) -> None:
        for name in ("secret", "other one"):
            (tmp_path / name).write_text("a")
        judged = shell(
            machine,
            strace,
            'cat ../../secret "../../other one"; echo a > ../../made; cat ../../made',
        )
        assert seen(judged) == []
        assert [each for each in judged.outside if each.startswith(str(tmp_path))] == [
            str(tmp_path / "other one"),
            str(tmp_path / "secret"),
        ]
        assert not [each for each in judged.outside if each.startswith("/usr/")]


class TestRefused:
    def test_what_an_earlier_state_made_and_does_not_name(
        self, machine: Machine, strace: Strace
    ) -> None:
        shell(machine, strace, "echo a > packages", state=10)
        with pytest.raises(InvalidInput, match="state 10 made") as refused:
            shell(machine, strace, "cat packages")
        assert refused.value.code == "made-by-an-earlier-state"
        assert "--exclude packages" in (refused.value.hint or "")

    def test_but_not_its_artifact(self, machine: Machine, strace: Strace) -> None:
        results = [machine.folder / "packages"]
        shell(machine, strace, "echo a > packages", state=10, results=results)
        assert seen(shell(machine, strace, "cat packages")) == []

    def test_what_a_command_wrote_that_failed_is_known(
        self, machine: Machine, strace: Strace
    ) -> None:
        command = ["sh", "-c", "echo a > packages; exit 1"]
        with Trace(strace, command, folder=machine.folder, environ=os.environ) as trace:
            subprocess.run(trace.words(), cwd=machine.folder, check=False)
            found = written_by(trace, Scope(project=Project.around(machine.folder)))
        assert found == {str(machine.folder / "packages")}


def test_of_a_command_that_is_not_traced_nothing_is_seen(machine: Machine) -> None:
    scope = Scope(project=Project.around(machine.folder))
    with Trace(None, ["true"], folder=machine.folder, environ=os.environ) as trace:
        assert trace.words() == ["true"]
        made = Made(machine.memory, BUILD)
        judged = judge_command(trace, scope, attempt_at(25), digests=machine.digests, made=made)
        assert (judged, written_by(trace, scope)) == (NOTHING, frozenset())


def test_nothing_is_compared_if_the_tracer_was_ended(
    machine: Machine, strace: Strace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("buildstate_worker.reads.tracing.following._PATIENCE_SECONDS", 0.0)
    machine.write("hosts")
    judged = shell(
        machine,
        strace,
        "cat hosts; kill -KILL $(sed -n 's/^TracerPid:\t*//p' /proc/self/status); :",
    )
    assert seen(judged) == ["unstable ."]
    assert "strace was ended" in judged.warnings[-1]
