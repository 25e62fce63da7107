"""Prints results on stdout: the resource itself for scripts, a page for people."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import typer
from pydantic import BaseModel, JsonValue
from pydantic_core import to_jsonable_python

from buildstate_cli.exit_codes import BROKEN_PIPE
from buildstate_cli.options import Format
from buildstate_cli.output import text
from buildstate_cli.output.messages import notice
from buildstate_cli.output.page import Page, Table
from buildstate_core.errors import BuildStateError

Result = TypeVar("Result", bound=BaseModel | Sequence[BaseModel] | dict[str, JsonValue] | None)


def show(result: Result, output: Format, view: Callable[[Result], Page]) -> None:
    """Print a result in the format asked for.

    Args:
        result: A resource, a list of resources, plain data, or `None` where there is none.
        output: The format.
        view: Writes the result for people; called for `table` only.
    """
    match output:
        case Format.JSON:
            emit(json.dumps(_data(result), indent=2, ensure_ascii=False) + "\n")
        case Format.YAML:
            import yaml  # noqa: PLC0415 - half as slow to load as all the rest of a command

            emit(yaml.safe_dump(_data(result), sort_keys=False, allow_unicode=True))
        case Format.TABLE:
            show_page(view(result))


def show_error(error: BuildStateError, output: Format) -> None:
    """Print an error where a script looks for the result, if data is what the output is for.

    No result has a field `error`, so that the two are told apart by it.
    """
    if output is Format.TABLE:
        return
    told = {
        "error": error.default_code,
        "code": error.code,
        "detail": error.message,
        **{name: value for name, value in vars(error).items() if name not in {"code", "message"}},
    }
    given = {name: value for name, value in told.items() if value is not None}
    show(to_jsonable_python(given), output, lambda _: ())


def show_page(page: Page) -> None:
    """Print a page for people; a table without rows says so on stderr."""
    blocks = []
    for block in page:
        if isinstance(block, Table) and not block.rows:
            notice(block.empty)
        else:
            blocks.append(block)
    if sys.stdout.isatty():
        from buildstate_cli.output import terminal  # noqa: PLC0415 - rich is for terminals only

        emit(terminal.render(blocks))
    else:
        emit(text.render(blocks))


def emit(text: str) -> None:
    """Write text to stdout.

    Raises:
        typer.Exit: Nobody reads it any more (`bldst build list | head -1`).
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes again at its end; that must not fail too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BROKEN_PIPE) from None


def _data(result: BaseModel | Sequence[BaseModel] | dict[str, JsonValue] | None) -> JsonValue:
    match result:
        case BaseModel():
            data: JsonValue = result.model_dump(mode="json")
            return data
        case None | dict():
            return result
        case _:
            return [_data(each) for each in result]
