"""A checkout of a project, and what goes into a command there."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID, uuid4

from buildstate_worker.inputs.command import Looked, look
from buildstate_worker.inputs.content import Content, Reading, content_of_folder
from buildstate_worker.inputs.ignoring import Ignored
from buildstate_worker.inputs.source import Checkout
from buildstate_worker.reads import Digests, Made, Project

BUILD = UUID(int=1)


class Folder:
    """A checkout, with a memory of its own."""

    def __init__(self, path: Path, *, is_git: bool = False) -> None:
        self.path = path
        self._memory = path.parent / "memory"
        path.mkdir(parents=True)
        if is_git:
            subprocess.run(["git", "init", "--quiet"], cwd=path, check=True)
        else:
            self.write("pyproject.toml", "")

    def write(self, name: str, text: str = "1") -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    @property
    def made(self) -> Made:
        return Made(self._memory, BUILD)

    def checkout(self, excludes: Sequence[str] = (), places: Sequence[str] = ()) -> Checkout:
        project = Project.around(self.path)
        return Checkout(
            self.path,
            project,
            Digests(self._memory, project.folder),
            Ignored(self.path, excludes, places),
            self.made,
        )

    def note_made(self, *names: str) -> None:
        """Have it remembered that an attempt has made files."""
        self.made.note(uuid4(), 10, [str(self.path / name) for name in names])

    def look(
        self,
        *command: str,
        inputs: Sequence[str] = (),
        excludes: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        finds: bool = True,
    ) -> Looked:
        known = environ or {"PATH": "/usr/bin:/bin"}
        return look(command, inputs, self.checkout(excludes), known, finds=finds)

    def parts(self, *command: str, inputs: Sequence[str] = (), **fields: object) -> list[str]:
        """Return the names of the parts for a command."""
        return sorted(self.look(*command, inputs=inputs, **fields).parts)  # type: ignore[arg-type]

    def content(self, name: str = ".", *, modeless: Sequence[str] = ()) -> Content:
        digests = Digests(self._memory, str(self.path))
        reading = Reading(digests, keep=self.checkout().counts, modeless=modeless)
        return content_of_folder(str(self.path / name), reading)
