"""Whether changes of a shell pipeline are seen, and only those: `make bench-trust`.

The pipeline in `shell/` runs again and again for one build, each time on a new machine and with one
change of its checkout or environment. Of 50 changes each changes the image, as running its
commands by themselves shows; of 30 none does.

It ends with 1 if an image was not what its commands make, or if more than `MOST_NEEDLESS` changes
that are none made something run.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Final

from mutations import MOST_NEEDLESS, PROJECT, Service, running, tell
from shell_changes import PIPELINE, Change, that_count, that_do_not

from buildstate_cli.main import main as bldst

SHELL: Final = Path(__file__).parent / "shell"
IMAGE: Final = Path("out/image")


@dataclass(frozen=True)
class State:
    """One line of the pipeline.

    Attributes:
        options: Those of `bldst run`, the state first.
        command: The words of the command.
        stdin: What it is fed with; `None` for nothing.
    """

    options: list[str]
    command: list[str]
    stdin: str | None


class Machine:
    """A worker with a checkout of the pipeline, which shares nothing but service and storage."""

    def __init__(self, folder: Path, service: Service, storage: Path) -> None:
        self.project = folder / "project"
        shutil.copytree(SHELL, self.project)
        (self.project / ".gitignore").write_text("scratch/\nout/\n")
        subprocess.run(["git", "init", "-q", str(self.project)], check=True)
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "CHANNEL": "stable",
            "BLDST_API_URL": service.url,
            "BLDST_API_KEY": service.key,
            "BLDST_CACHE_DIR": str(folder / "cache"),
            "BLDST_DATA_DIR": str(folder / "data"),
            "BLDST_CONFIG_DIR": str(folder / "config"),
            "BLDST_STORAGE_URL": storage.as_uri(),
            "BLDST_WORKER": folder.name,
        }

    def run(self, build: int) -> str | None:
        """Run the pipeline; return the image, or `None` if a state was refused."""
        with here(self.project, self.environ):
            for state in self._states():
                words = ["run", str(build), "--state", *state.options, "--", *state.command]
                with fed(state.stdin), silent() as said:
                    code = bldst(words)
                if code:
                    print(f"  refused: {said.getvalue().strip()}")
                    return None
            if not IMAGE.exists():  # everything was skipped
                with silent():
                    bldst(["artifact", "pull", str(build), "--state", "90", "--to", str(IMAGE)])
            return IMAGE.read_text()

    def oracle(self) -> str:
        """Return the image that the commands make, each run once."""
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "project"
            shutil.copytree(self.project, copy, ignore=shutil.ignore_patterns("out"))
            (copy / "out").mkdir()
            for state in self._states():
                with (copy / (state.stdin or PIPELINE)).open("rb") as stdin:
                    subprocess.run(
                        state.command, cwd=copy, env=self.environ, stdin=stdin, check=True
                    )
            return (copy / IMAGE).read_text()

    def _states(self) -> Iterator[State]:
        for line in (self.project / PIPELINE).read_text().splitlines():
            if line.startswith("#"):
                continue
            words = shlex.split(line)
            split = words.index("--")
            command, stdin = words[split + 1 :], None
            if "<" in command:
                command, stdin = command[:-2], command[-1]
            yield State(words[:split], command, stdin)


@contextmanager
def here(folder: Path, environ: Mapping[str, str]) -> Iterator[None]:
    """Have this process work in a folder, with an environment of its own."""
    before, folder_before = dict(os.environ), Path.cwd()
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(folder_before)
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def silent() -> Iterator[StringIO]:
    """Yield what `bldst` says, instead of printing it."""
    said = StringIO()
    with redirect_stderr(said), redirect_stdout(said):
        yield said


@contextmanager
def fed(file: str | None) -> Iterator[None]:
    """Have this process fed with a file, or with nothing."""
    kept = os.dup(0)
    with Path(file or os.devnull).open("rb") as opened:
        os.dup2(opened.fileno(), 0)
    try:
        yield
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def main() -> None:
    """Try all changes, and print what came of them."""
    with tempfile.TemporaryDirectory() as root, running() as service:
        build = service.make_build(PROJECT, key="shell").number

        def machine(name: str) -> Machine:
            folder = Path(root) / name
            folder.mkdir()
            return Machine(folder, service, Path(root) / "storage")

        def ran() -> int:
            return len(list(service.client.history(build)))

        def is_missed(change: Change, name: str) -> bool:
            worker = machine(name)
            was = worker.oracle()
            change.make(worker.project, worker.environ)
            wanted = worker.oracle()
            assert wanted != was, f"{change} changes nothing"  # noqa: S101 - a mistake here
            return worker.run(build) not in {wanted, None}

        def is_needless(change: Change, name: str) -> bool:
            worker = machine(name)
            change.make(worker.project, worker.environ)
            before = ran()
            worker.run(build)
            return ran() != before

        some, none = list(that_count()), list(that_do_not())
        machine("first").run(build)
        needless = [each for at, each in enumerate(none) if is_needless(each, f"none-{at}")]
        missed = [each for at, each in enumerate(some) if is_missed(each, f"some-{at}")]
    tell("shell: changes that count, and were not seen", missed, len(some))
    tell("shell: changes that do not count, and were taken for some", needless, len(none))
    if missed or len(needless) > MOST_NEEDLESS:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
