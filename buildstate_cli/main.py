"""The entry point: runs a command, and turns its outcome into an exit code."""

import os
import sys
import traceback
from collections.abc import Sequence
from io import TextIOWrapper

import typer

from buildstate_cli import exit_codes, signals
from buildstate_cli.app import app
from buildstate_cli.output import messages
from buildstate_cli.session import Session
from buildstate_core.errors import BuildStateError, InvalidInput


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `bldst`.

    Args:
        arguments: What follows the program's name. Default: `sys.argv`.

    Returns:
        The exit code; see `exit_codes`. Nothing is raised but `SystemExit`.
    """
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name that this terminal's encoding cannot show is escaped; it is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    session = Session(os.environ)
    try:
        with signals.signals_raised(signals.POLITE, only_first=True):
            return _run(sys.argv[1:] if arguments is None else list(arguments), session)
    except signals.Signalled as ended:
        return ended.exit_code
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - each kind gets its text below
        named = _named(error)
        _explain(named, session)
        return exit_codes.exit_code(named)


def _open_closed_streams() -> None:
    """Put nothing where the caller has closed standard input, output or the one for errors.

    Otherwise the next file that is opened would take its number, and get what is printed.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest number that is free
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def _run(arguments: list[str], session: Session) -> int:
    _refuse_undecodable(arguments)
    command = typer.main.get_command(app)
    code = command.main(arguments, prog_name="bldst", standalone_mode=False, obj=session)
    return code if isinstance(code, int) else exit_codes.OK


def _refuse_undecodable(arguments: Sequence[str]) -> None:
    """Raise `InvalidInput` for bytes that are not text: no name or message can hold them."""
    for position, argument in enumerate(arguments, start=1):
        try:
            argument.encode()
        except UnicodeEncodeError as error:
            raise InvalidInput(
                f"Argument {position} is not valid UTF-8: {os.fsencode(argument)!r}.",
                code="not-utf-8",
                hint="Give it in UTF-8. Is the encoding of the terminal or the script another?",
            ) from error


def _named(error: BaseException) -> BaseException:
    """Return an error that names the option, if a wire model refused a value."""
    pydantic = sys.modules.get("pydantic")
    if pydantic is not None and isinstance(error, pydantic.ValidationError):
        from buildstate_cli.validation import invalid  # noqa: PLC0415 - it needs pydantic

        return invalid(error)
    return error


def _explain(error: BaseException, session: Session) -> None:
    match error:
        case BuildStateError():
            messages.explain_error(error)
        case typer.TyperException():
            messages.explain_usage_error(error)
        case KeyboardInterrupt() | typer.Abort() | BrokenPipeError():
            pass
        case OSError():
            messages.explain_os_error(error)
        case _:
            messages.explain_bug(error)
            if session.is_debugging:
                traceback.print_exception(error)


if __name__ == "__main__":
    sys.exit(main())
