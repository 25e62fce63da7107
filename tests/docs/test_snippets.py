"""Every snippet of the README and of the quickstarts runs, as a reader would run it."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import CodeBlockParser

from .snippets import ROOT, Shell, run_all


def test_the_shell_quickstart_runs_and_shows_what_it_says(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    run_all("docs/tutorials/quickstart-shell.md", shell, monkeypatch, environ)
    assert "exit code 9" in shell.said
    assert "a rerun resumes from 25" in shell.said
    assert "hardened\napp\n" in shell.said


@pytest.mark.usefixtures("_own_prefect")
def test_the_python_quickstart_runs_and_skips_the_second_time(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    run_all("docs/tutorials/quickstart-python.md", shell, monkeypatch, environ)
    assert shell.said.count("Base bootable image") == 1


def test_the_python_of_the_readme_is_a_flow_with_its_milestones(tmp_path: Path) -> None:
    (block,) = (
        Sybil(parsers=[CodeBlockParser("python", lambda _: None)])
        .parse(ROOT / "README.md")
        .examples()
    )
    # Prefect finds a flow's source by its file.
    script = tmp_path / "readme.py"
    script.write_text(block.parsed + "\nprint(base_image.spec.state, rhel.name)\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout == "10 rhel\n"


def test_the_shell_pipeline_of_the_readme_runs(
    shell: Shell, environ: dict[str, str], tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    _program(tools / "packer", "mkdir -p out; echo base > out/base.qcow2")
    _program(tools / "ansible-playbook", "cp out/base.qcow2 out/hard.qcow2")
    _program(tmp_path / "integration-tests", 'test -s "$1"')
    (tmp_path / "baseline.yml").write_text("- hosts: all\n")
    subprocess.run(["bldst", "server", "start", "-d"], env=environ, check=True, timeout=120)
    subprocess.run(["bldst", "project", "create", "rhel-base"], env=environ, check=True)
    block = next(
        iter(Sybil(parsers=[CodeBlockParser("sh", shell.run)]).parse(ROOT / "README.md").examples())
    )
    shell.run(_Text(f'PATH="{tools}:$PATH"'))  # type: ignore[arg-type]
    block.evaluate()
    assert "state 70 Integration tests: completed" in shell.said


class _Text:
    """What `Shell.run` needs of an example."""

    def __init__(self, parsed: str) -> None:
        self.parsed = parsed


def _program(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\nset -e\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
