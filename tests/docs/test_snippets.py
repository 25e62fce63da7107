"""Every snippet of the README and of the quickstarts runs, as a reader would run it."""

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support import short_folder
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

ROOT = Path(__file__).parents[2]
_END = "__end_of_snippet__"


class Shell:
    """A bash that stays, so that one snippet sees what the one before has set."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.said = ""
        self._process = subprocess.Popen(
            ["bash", "-u"],
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, example: Example) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Each line by itself, so that one that fails is not hidden by those after it.
        self._process.stdin.write(f"trap 'echo {_END} failed' ERR\n{example.parsed}\n")
        self._process.stdin.write(f"trap - ERR\necho {_END} ok\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith(_END):
                assert line.split()[1] == "ok", self.said[-2000:]
                return
            self.said += line
        raise AssertionError(f"bash ended: {self.said[-2000:]}")

    def close(self) -> None:
        self._process.communicate("exit\n", timeout=60)


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    """A newcomer's environment: no settings, an empty home, a free port."""
    with socket.socket() as sock, short_folder() as folder:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        sock.close()
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("BLDST_", "PREFECT"))}
        environ = {
            **inherited,
            "PATH": f"{Path(sys.executable).parent}:{inherited['PATH']}",
            "BLDST_DATA_DIR": str(folder / "data"),
            "BLDST_CONFIG_DIR": str(folder / "config"),
            "BLDST_CACHE_DIR": str(folder / "cache"),
            "BLDST_PORT": str(port),
        }
        try:
            yield environ
        finally:
            subprocess.run(["bldst", "server", "stop"], env=environ, check=False, timeout=120)


@pytest.fixture
def shell(environ: dict[str, str], tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path, environ)
    yield shell
    shell.close()


def run_all(
    document: str, shell: Shell, monkeypatch: pytest.MonkeyPatch, environ: Mapping[str, str]
) -> None:
    """Run the bash and python blocks of a document in their order; `sh` blocks only show."""
    for name in [name for name in os.environ if name.startswith("BLDST_")]:
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    namespace: dict[str, object] = {"__name__": "__quickstart__"}

    def python(example: Example) -> None:
        exec(compile(example.parsed, document, "exec"), namespace)  # noqa: S102 - it is ours

    parsers = [CodeBlockParser("bash", shell.run), CodeBlockParser("python", python)]
    examples = list(Sybil(parsers=parsers).parse(ROOT / document).examples())
    assert examples
    for example in examples:
        example.evaluate()


def test_the_shell_quickstart_runs_and_shows_what_it_says(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    run_all("docs/quickstart-shell.md", shell, monkeypatch, environ)
    assert "exit code 9" in shell.said
    assert "a rerun resumes from 25" in shell.said
    assert "hardened\napp\n" in shell.said


def test_the_python_quickstart_runs_and_skips_the_second_time(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    run_all("docs/quickstart-python.md", shell, monkeypatch, environ)
    assert shell.said.count("Base bootable image") == 1


def test_the_python_of_the_readme_is_a_flow_with_its_milestones(tmp_path: Path) -> None:
    (block,) = (
        Sybil(parsers=[CodeBlockParser("python", lambda _: None)])
        .parse(ROOT / "README.md")
        .examples()
    )
    # Prefect finds a flow's source by its file.
    script = tmp_path / "readme.py"
    script.write_text(block.parsed + "\nprint(base_image.recipe.state, rhel.name)\n")
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
