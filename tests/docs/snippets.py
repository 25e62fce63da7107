"""Runs the snippets of a document, as a reader would run them."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
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


def run_all(
    document: str, shell: Shell, monkeypatch: pytest.MonkeyPatch, environ: Mapping[str, str]
) -> None:
    """Run the bash and python blocks of a document in their order; `sh` blocks only show."""
    for name in [name for name in os.environ if name.startswith("BLDST_")]:
        monkeypatch.delenv(name)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    # A reader writes them one below the other into a file; the code of a milestone is read there.
    script = Path(environ["BLDST_CONFIG_DIR"]).parent / "pipeline.py"
    script.touch()
    namespace: dict[str, object] = {"__name__": script.stem, "__file__": str(script)}

    def python(example: Example) -> None:
        before = script.read_text()
        script.write_text(before + example.parsed)
        padded = "\n" * before.count("\n") + example.parsed
        exec(compile(padded, str(script), "exec"), namespace)  # noqa: S102 - it is ours

    parsers = [CodeBlockParser("bash", shell.run), CodeBlockParser("python", python)]
    examples = list(Sybil(parsers=parsers).parse(ROOT / document).examples())
    assert examples
    for example in examples:
        example.evaluate()
