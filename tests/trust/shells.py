"""Machines on which `bldst run` is called, each with folders of its own."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from support import Service

from buildstate_cli.main import main
from buildstate_core.models import Build

from .shell_row import ShellRow

PROJECT = "shell-rows"
STATE = 25
TOOLS = {
    "make": "",
    "docker": "",
    "ansible-playbook": "",
    "packer": "",
    "terraform": "",
    "vagrant": "",
    "mkimage": "",
    "sudo": 'shift 2; exec "$@"',
    "ssh": "cat",
}


@dataclass(frozen=True)
class Called:
    """What one call came to.

    Attributes:
        code: Its exit code.
        reason: Why the command ran; `unchanged` if it was skipped; or the code of the error.
        err: What it said.
    """

    code: int
    reason: str
    err: str


class Shell:
    """A machine, with a checkout of a project, where a build's states are called.

    Args:
        service: The service.
        build: The build.
        folder: Its folder, in which the checkout is.
        read: Returns what was printed since: stdout, and stderr.
    """

    def __init__(
        self, service: Service, build: Build, folder: Path, read: Callable[[], tuple[str, str]]
    ) -> None:
        self.service = service
        self.build = build
        self.checkout = folder / "checkout"
        self.checkout.mkdir(parents=True)
        self._tools = _fake_tools(folder / "tools")
        self._read = read
        self.environ = {
            "PATH": f"{self._tools}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PWD": str(self.checkout),
            "BLDST_API_URL": service.url,
            "BLDST_API_KEY": service.key,
            "BLDST_CONFIG_DIR": str(folder / "config"),
            "BLDST_DATA_DIR": str(folder / "data"),
            "BLDST_CACHE_DIR": str(folder / "cache"),
            "BLDST_STORAGE_URL": (folder.parent / "storage").as_uri(),
            "BLDST_WORKER": folder.name,
        }

    def write(self, files: Mapping[str, str]) -> None:
        """Write files of the checkout; those that are there keep their modes."""
        for name, text in files.items():
            path = self.checkout / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def sh(self, script: str) -> None:
        """Have a shell change the checkout."""
        if script:
            subprocess.run(
                ["sh", "-ec", script], cwd=self.checkout, check=True, env=self._for_scripts()
            )

    def call(
        self,
        line: str,
        *,
        state: int = STATE,
        stdin: str | None = None,
        pipe: str | None = None,
        skipped: int = 0,
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> Called:
        """Call `bldst run` with what a shell makes of a line: options, two dashes, the command.

        Args:
            line: The line.
            state: The state.
            stdin: The file that it is fed with.
            pipe: What comes through a pipe instead.
            skipped: From which byte on that file is read.
            environ: More variables.
        """
        words = [each.replace("$PWD", str(self.checkout)) for each in shlex.split(line)]
        if "--kind" not in words:
            words = [
                "--kind",
                "effect",
                *words,
            ]  # what only changes a machine is never skipped alone
        before = self.reasons(state)
        with self._as_there(environ), _fed(self.checkout, stdin, pipe, skipped):
            code = main(
                ["run", str(self.build.number), "-o", "json", "--state", str(state), *words]
            )
        out, err = self._read()
        made = self.reasons(state)[len(before) :]
        if not made and code:
            assert out, err
            return Called(code, json.loads(out)["code"], err)
        return Called(code, made[0] if made else "unchanged", err)

    def reasons(self, state: int) -> list[str]:
        """Give why each attempt at a state was made, the oldest first."""
        history = self.service.client.history(self.build.number)
        made = [each for each in history if each.state == state]
        return [each.reason or "" for each in sorted(made, key=lambda each: each.attempt)]

    @contextmanager
    def _as_there(self, environ: Mapping[str, str]) -> Iterator[None]:
        folder, before = Path.cwd(), dict(os.environ)
        os.chdir(self.checkout)
        os.environ.clear()
        os.environ.update({**self.environ, **environ})
        self._read()
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
            os.chdir(folder)

    def _for_scripts(self) -> dict[str, str]:
        author = {
            f"GIT_{who}_{what}": "x"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        return {**self.environ, **author}


def prepared(shell: Shell, row: ShellRow) -> Shell:
    """Return a machine on which a row's project is as it was at first."""
    shell.write(row.project("1"))
    shell.sh(row.before)
    return shell


def _fake_tools(folder: Path) -> Path:
    """Make programs of the names of known tools, which read no files."""
    folder.mkdir()
    for name, script in TOOLS.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return folder


@contextmanager
def _fed(folder: Path, file: str | None, text: str | None, skipped: int) -> Iterator[None]:
    """Have a file, or a pipe that holds a text, on standard input."""
    if text is None:
        fed = os.open(folder / (file or os.devnull), os.O_RDONLY)
        os.lseek(fed, skipped, os.SEEK_SET)
    else:
        fed, writer = os.pipe()
        os.write(writer, text.encode())
        os.close(writer)
    kept = os.dup(0)
    os.dup2(fed, 0)
    os.close(fed)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)
