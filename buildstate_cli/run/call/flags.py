"""The options of `bldst run`, as a person types them and as they are used."""

import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from buildstate_cli.run.child import PATIENCE_SECONDS
from buildstate_cli.validation import checked_value
from buildstate_core.errors import InvalidInput
from buildstate_core.locations import is_artifact_name
from buildstate_core.models.projects import StorageUrl
from buildstate_core.places import control_folder
from buildstate_core.vocabulary import MAX_STATE, CommandCode, Kind
from buildstate_worker.blobs import Blob, name_of
from buildstate_worker.storage_options import StorageOptions

_RESTORE: Final = re.compile(r"(?P<state>\d{1,3})(:(?P<name>[^=]+))?(=(?P<path>.+))?")


@dataclass(frozen=True, kw_only=True)
class Counting:
    """What decides whether a command may be skipped, besides `--input` and `--param`.

    Attributes:
        excludes: Globs of files that do not count.
        finds_inputs: Whether files that the command names count.
        environment: The variables of the environment that count.
        tools: Commands that print the versions of tools.
        version: Stands for the command's words, if it is given.
        code: Whether the command's words count.
        takes_stdin: Whether all of standard input counts.
        trace: Whether what it is seen to read counts; `None`: as the project says.
        max_age_days: How long ago it may have been done; `None` for any time.
    """

    excludes: Sequence[str] = ()
    finds_inputs: bool = True
    environment: Sequence[str] = ()
    tools: Sequence[str] = ()
    version: str | None = None
    code: CommandCode = CommandCode.OWN
    takes_stdin: bool = False
    trace: bool | None = None
    max_age_days: int | None = None


@dataclass(frozen=True, kw_only=True)
class RunFlags:
    """What was typed; the texts are checked by the functions here."""

    state: int
    lane: str
    kind: Kind | None
    artifacts: Sequence[str]
    inputs: Sequence[str]
    params: Sequence[str]
    restores: Sequence[str]
    probe: str | None
    lease_seconds: int | None
    wait_seconds: float | None
    grace_seconds: float = PATIENCE_SECONDS
    storage_options: StorageOptions = field(default_factory=StorageOptions)
    counting: Counting = field(default_factory=Counting)


@dataclass(frozen=True)
class Restore:
    """One `--restore`: an earlier state, maybe one artifact of it, maybe another path."""

    state: int
    name: str | None
    path: str | None


def blobs(texts: Sequence[str], folder: Path, options: StorageOptions | None = None) -> list[Blob]:
    """Read `[NAME=]PATH` texts; they may name files that are still to be made.

    Args:
        texts: As typed.
        folder: The working directory.
        options: How they are stored.

    Raises:
        InvalidInput: A name is not one, or is there twice.
    """
    how = options or StorageOptions()
    if how.storage is not None:
        checked_value(StorageUrl, how.storage, flag="--storage")
    found: dict[str, Blob] = {}
    for text in texts:
        before, equals, after = text.partition("=")
        path = after if equals else before
        name = before if equals else name_of(PurePosixPath(path.replace("*", "x")))
        if not is_artifact_name(name) or not path:
            raise InvalidInput(
                f'--artifact is "{text}"; use PATH or NAME=PATH, with a name of letters, digits,'
                " dot, dash and underscore.",
                field="--artifact",
            )
        if name in found:
            raise InvalidInput(
                f'--artifact is "{text}", and another one is named {name}, too; give each a name of'
                " its own: NAME=PATH.",
                field="--artifact",
            )
        _refuse_around("--artifact", text, path, folder)
        found[name] = Blob(
            name=name, path=folder / path, place=_place_in(folder, path), **asdict(how)
        )
    return list(found.values())


def artifact_key(text: str) -> str:
    """Return what names an artifact of a `[NAME=]PATH` text, wherever its file is put.

    >>> artifact_key("out/hard.qcow2"), artifact_key("image=out/*.img"), artifact_key("out/*.img")
    ('hard.qcow2', 'image', '*.img')
    """
    before, equals, _ = text.partition("=")
    if equals:
        return before
    name = PurePosixPath(before).name
    return name if "*" in name else name_of(PurePosixPath(before))


def restores(texts: Sequence[str], folder: Path, *, below: int) -> list[Restore]:
    """Read `STATE[:NAME][=PATH]` texts.

    Args:
        texts: As typed.
        folder: The working directory.
        below: The state that is about to run.

    Raises:
        InvalidInput: One is not of this form, or its state is not an earlier one.
    """
    found = []
    for text in texts:
        match = _RESTORE.fullmatch(text)
        if match is None or int(match["state"]) > MAX_STATE:
            raise InvalidInput(
                f'--restore is "{text}"; use STATE, STATE:NAME or STATE:NAME=PATH.',
                field="--restore",
            )
        if int(match["state"]) >= below:
            raise InvalidInput(
                f'--restore is "{text}"; only a state before {below} can be restored for it.',
                field="--restore",
            )
        if match["path"] is not None:
            _refuse_around("--restore", text, match["path"], folder)
        found.append(Restore(int(match["state"]), match["name"], match["path"]))
    return found


def _refuse_around(flag: str, text: str, path: str, folder: Path) -> None:
    """Refuse places that no restore may touch.

    They are the working directory itself, what it lies in, and folders whose files tools obey.
    """
    place = Path(os.path.normpath(folder / path))
    obeyed = control_folder(os.path.relpath(place, folder))
    if obeyed is not None:
        raise InvalidInput(
            f'{flag} is "{text}"; nothing is ever put into {obeyed}. Name another place.',
            code="unsafe-place",
            field=flag,
        )
    if folder.is_relative_to(place):
        raise InvalidInput(
            f'{flag} is "{text}"; name a file or a folder inside the working directory, not the'
            " directory itself.",
            field=flag,
        )


def _place_in(folder: Path, path: str) -> PurePosixPath | None:
    """Return where a path is in the workspace; `None` outside of it, where no restore goes."""
    full = Path(os.path.normpath(folder / path))
    return PurePosixPath(full.relative_to(folder)) if full.is_relative_to(folder) else None
