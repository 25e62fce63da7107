"""What the reference is made from. Everything that is imported of BuildState is imported here."""

import ast
import importlib.util
import pkgutil
from collections.abc import Mapping
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Any

import typer

from buildstate_api.app import create_app
from buildstate_api.rest.problems import problem_response
from buildstate_api.settings import ServerSettings
from buildstate_cli import exit_codes
from buildstate_cli.app import app
from buildstate_cli.help import Panel
from buildstate_core import errors
from buildstate_core.errors import BuildStateError
from buildstate_core.rules import reasons

PANELS = tuple(Panel)
"""The sections of `bldst --help`, in their order."""


def command_line() -> Any:
    """Return `bldst` with all its commands."""
    return typer.main.get_command(app)


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document of the service, which needs no database for it."""
    return create_app(ServerSettings(database_url="postgresql://localhost/")).openapi()


def error_classes() -> Mapping[str, type[BuildStateError]]:
    """Return the classes of errors by their names, in the order in which they are defined."""
    return {
        name: each
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, BuildStateError)
    }


def http_status(name: str, code: str) -> int:
    """Return the HTTP status that the service answers an error of a class and a code with."""
    return problem_response(_error(name, code)).status_code


def exit_code(name: str, code: str) -> int:
    """Return the exit code with which `bldst` ends after such an error."""
    return exit_codes.exit_code(_error(name, code))


def reason_texts() -> Mapping[str, str]:
    """Return the codes of reasons, with their words, in which `{}` is what the code carries."""
    return {**reasons._TEXTS, **reasons._ABOUT_KEEPING}  # noqa: SLF001 - all of them are asked for


def _error(name: str, code: str) -> BuildStateError:
    cls: Any = error_classes()[name]
    needed = {"reason": ""} if "reason" in signature(cls).parameters else {}
    error: BuildStateError = cls("", code=code, **needed)
    return error


@cache
def modules() -> Mapping[str, ast.Module]:
    """Return the source of every module of BuildState, parsed, by its path."""
    found = {}
    for package in pkgutil.iter_modules():
        if not package.name.startswith("buildstate_"):
            continue
        spec = importlib.util.find_spec(package.name)
        assert spec is not None  # noqa: S101 - it was found just now
        assert spec.origin is not None  # noqa: S101 - a package's
        root = Path(spec.origin).parent
        for file in sorted(root.rglob("*.py")):
            path = file.relative_to(root.parent)
            if "migrations" not in path.parts:
                found[path.as_posix()] = ast.parse(file.read_text(encoding="utf-8"))
    return found
