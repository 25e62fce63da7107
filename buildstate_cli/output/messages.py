"""Messages on stderr: what went wrong and what to do next; never a traceback."""

from typing import Any

import typer

from buildstate_cli.output.text import printable
from buildstate_core.errors import BuildStateError

_PREFIX = "bldst: "
_MARGIN = " " * len(_PREFIX)


def print_message(sentence: str, hint: str | None = None) -> None:
    """Print what happened, and below it the next step."""
    lines = [*sentence.splitlines(), *(hint or "").splitlines()]
    _write(_PREFIX + f"\n{_MARGIN}".join(lines))


def warn(sentence: str, hint: str | None = None) -> None:
    """Print what a person should know although the command goes on."""
    print_message(f"warning: {sentence}", hint)


def notice(sentence: str) -> None:
    """Print a sentence by the way, without a prefix."""
    _write(sentence)


def explain_error(error: BuildStateError) -> None:
    """Print an error of BuildState."""
    print_message(error.message, error.hint)


def explain_usage_error(error: typer.TyperException) -> None:
    """Print what is wrong with the command line, with the option and the value seen."""
    command = getattr(getattr(error, "ctx", None), "command_path", "bldst")
    print_message(_usage_sentence(error), f"To see how it is used: {command} --help")


def explain_os_error(error: OSError) -> None:
    """Print what the operating system refused."""
    what = f"{error.filename}: " if error.filename is not None else ""
    print_message(f"{what}{error.strerror or error}.")


def explain_bug(error: BaseException) -> None:
    """Print that the command failed in a way nobody thought of."""
    print_message(
        f"internal error: {type(error).__name__}: {error}",
        "Please report this. Run it again with BLDST_DEBUG=1 for the traceback, which is what"
        "\nthe maintainers of BuildState need to see.",
    )


def _usage_sentence(error: typer.TyperException) -> str:
    if not isinstance(error, typer.BadParameter) or error.param is None or not error.message:
        return _ended(error.format_message())
    names = [each for each in error.param.opts if each.startswith("-")]
    flag = names[0] if names else error.param.display_name_raw
    reason = error.message.removeprefix("Value error, ")
    seen = _value_seen(error)
    if seen is None or repr(seen) in reason:
        return _ended(f"{flag}: {reason}")
    low, high = (getattr(error.param, bound, None) for bound in ("min", "max"))
    if low is not None:
        bounds = f"of at least {low}" if high is None else f"from {low} to {high}"
        kind = getattr(getattr(error.param, "type_descriptor", None), "annotation", int)
        number = "a number" if kind is float else "an integer"
        return f"{flag} is {_shown(seen)}; use {number} {bounds}."
    return _ended(f"{flag} is {_shown(seen)}: {reason[:1].lower()}{reason[1:]}")


def _value_seen(error: typer.BadParameter) -> Any:
    """Return the value that typer's own validation refused, which its text leaves out."""
    errors = getattr(error.__cause__, "errors", None)
    return errors()[0].get("input") if errors is not None else None


def _shown(value: object) -> str:
    return (
        f'"{value}"' if isinstance(value, str) and not value.lstrip("-").isdigit() else f"{value}"
    )


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?")) else f"{sentence}."


def _write(text: str) -> None:
    typer.echo(printable(text), err=True)
