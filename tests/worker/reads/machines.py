"""A machine with a project, on which a build's functions run and are judged."""

import os
import subprocess
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from buildstate_core.models import RecordedRead
from buildstate_worker.reads import (
    FUNCTION,
    Arguments,
    Digests,
    Judged,
    Made,
    Project,
    Scope,
    compare,
    judge,
    loaded_modules,
    recording,
)

BUILD = UUID(int=1)


class Machine:
    """One machine: a project in a folder, and what is remembered of it."""

    def __init__(self, folder: Path, *, is_git: bool = False) -> None:
        self.folder = folder / "project"
        self.memory = folder / "memory"
        self.folder.mkdir(parents=True)
        if is_git:
            self.git("init", "--quiet")
        else:
            self.write("pyproject.toml")

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.folder, check=True)

    def write(self, place: str, text: str = "a") -> Path:
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(
        self,
        function: Callable[..., Any],
        *,
        state: int = 25,
        values: Mapping[str, Any] | None = None,
        results: Collection[Path] = (),
        stands_on: Collection[int] = (),
        **scope: Any,
    ) -> Judged:
        """Run a function in the project, and judge it."""
        os.chdir(self.folder)
        scoped = self._scope(**scope)
        arguments = Arguments(values or {}, scoped)
        with recording() as seen:
            function(**(values or {}))
        made = Made(self.memory, BUILD)
        judged = judge(
            seen,
            scoped,
            arguments,
            state=state,
            stands_on=stands_on,
            digests=self.digests,
            made=made,
            wording=FUNCTION,
            code=loaded_modules(),
        )
        made.note(uuid4(), state, judged.made, map(os.fspath, results))
        return judged

    def changed(self, judged: Judged, **scope: Any) -> str | None:
        """Compare, as a skip does on this machine, what was read on any."""
        reads = [RecordedRead.model_validate(each.model_dump()) for each in judged.reads]
        made = Made(self.memory, BUILD)
        compared = compare(reads, self._scope(**scope), digests=self.digests, made=made)
        return compared.changed

    @property
    def digests(self) -> Digests:
        return Digests(self.memory, str(self.folder))

    def _scope(self, **scope: Any) -> Scope:
        return Scope(project=Project.around(self.folder), **scope)


def seen(judged: Judged) -> list[str]:
    """Return what counts, as `file conf/hosts`."""
    return [f"{each.what} {each.path}" for each in judged.reads]
