"""Show, set and extend a project's catalogue, and list its versions."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

import yaml

from buildstate_cli.catalog import view as catalogs
from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_cli.validation import checked, checked_content
from buildstate_core.errors import InvalidInput
from buildstate_core.models import CatalogSet, CatalogState

_MAX_FILE_BYTES: Final = 1_000_000
_NOT_OURS: Final = frozenset({"project", "version", "created_at"})
"""What `catalog show --output json` has besides the states, so that its output can be edited."""


def show_one(session: Session, output: Format, project: str, version: int | None) -> None:
    """Print one version of a project's catalogue."""
    with connect(session) as client:
        show(client.get_catalog(project, version=version), output, catalogs.one)


def history(session: Session, output: Format, project: str) -> None:
    """Print every version of a project's catalogue."""
    with connect(session) as client:
        show(list(client.list_catalogs(project)), output, catalogs.history)


def set_all(
    session: Session, output: Format, project: str, file: str, *, apply_to_open: bool
) -> None:
    """Give a project the catalogue in a file, and print it."""
    content = _parse(_read(file), file)
    if isinstance(content, list):
        content = {"states": content}
    request = checked_content(
        CatalogSet, {name: each for name, each in content.items() if name not in _NOT_OURS}
    )
    with connect(session) as client:
        catalog = client.set_catalog(project, request, apply_to_open=apply_to_open)
    show(catalog, output, partial(catalogs.changed, is_for_open=apply_to_open))


def insert(
    session: Session, output: Format, project: str, *, apply_to_open: bool, **values: object
) -> None:
    """Add one state to a project's catalogue, and print that."""
    state = checked(CatalogState, values, flags={"code": "--state"})
    with connect(session) as client:
        catalog = client.insert_state(project, state, apply_to_open=apply_to_open)
    show(catalog, output, partial(catalogs.changed, is_for_open=apply_to_open))


def _read(file: str) -> bytes:
    if file == "-":
        content = sys.stdin.buffer.read(_MAX_FILE_BYTES + 1)
    else:
        try:
            with Path(file).open("rb") as opened:
                content = opened.read(_MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InvalidInput(
                f'--file is "{file}", which cannot be read: {reason}.', field="--file"
            ) from error
    if len(content) > _MAX_FILE_BYTES:
        raise InvalidInput(
            f'--file is "{file}", which is over a megabyte. A catalogue has at most 101 states.',
            field="--file",
        )
    return content


def _parse(content: bytes, file: str) -> Any:
    try:
        text = content.decode()
        data = json.loads(text) if file.endswith(".json") else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InvalidInput(
            f'--file is "{file}", which is not JSON or YAML: {reason}.', field="--file"
        ) from error
    if not isinstance(data, list | dict):
        raise InvalidInput(
            f'--file is "{file}", which has no list of states.',
            field="--file",
            hint="A state looks like this: {code: 42, name: VPN setup}",
        )
    return data
