"""Help that is grouped and starts fast.

Typer's own grouped help loads rich's Markdown, which takes longer than all the rest of
`bldst --help`. The same panels are written here as plain sections.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from buildstate_cli.examples import EXAMPLES

_WHOLE: Final = 1000
"""Longer than any command's first sentence, so that none is cut short."""


class Panel(StrEnum):
    """The sections of `bldst --help`."""

    BUILDS = "Builds"
    INTERVENTIONS = "Interventions: what people decide, recorded with who, when and why"
    PROJECTS = "Projects"
    SERVICE = "Service and access"


class Group(TyperGroup):
    """A group of commands that shows its help when none is named, and lists them by panel."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help if there is nothing to do."""
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            raise typer.Exit
        return super().parse_args(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command of this group, whose help ends with its examples."""
        command = super().get_command(ctx, cmd_name)
        examples = EXAMPLES.get(" ".join([*ctx.command_path.split()[1:], cmd_name]))
        if command is not None and examples:
            # What follows a \b is not wrapped.
            command.epilog = "\n  ".join(["\b\nExamples:", *examples])
        return command

    def get_params(self, ctx: Any) -> Any:
        """Return the options, with `False` as the default of a flag that has none.

        Typer loads pydantic to make a boolean of `None`, the default of its own flags. That would
        be most of the time that `bldst GROUP --help` takes.
        """
        params = super().get_params(ctx)
        for param in params:
            if getattr(param, "is_bool_flag", False) and param.default is None:
                param.default = False
        return params

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section for each panel."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        shown = [(name, each) for name, each in commands if each is not None and not each.hidden]
        rows = [
            (getattr(each, "rich_help_panel", None), (name, each.get_short_help_str(_WHOLE)))
            for name, each in shown
        ]
        panels: list[str | None] = list(Panel)
        rows.sort(key=lambda row: panels.index(row[0]) if row[0] in panels else len(panels))
        _write_sections(formatter, rows, "Commands")


class Command(TyperCommand):
    """A command with so many options that they are listed by panel."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section for each panel, in the order of the options."""
        rows = [
            (
                getattr(param, "rich_help_panel", None)
                or ("Arguments" if param.param_type_name == "argument" else None),
                record,
            )
            for param in self.get_params(ctx)
            if (record := param.get_help_record(ctx)) is not None
        ]
        _write_sections(formatter, rows, "Options")


def _write_sections(
    formatter: Any, rows: Sequence[tuple[str | None, tuple[str, str]]], default: str
) -> None:
    for panel in dict.fromkeys(panel for panel, _ in rows):
        with formatter.section(panel or default):
            formatter.write_dl([row for each, row in rows if each == panel])
