"""The pages of the command line: one for each command, or group of them, that `bldst` has."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from docs.generator import sources
from docs.generator.markdown import block, code, page, table, text

_FOLDER = "reference/commands"
_INTRODUCTION = (
    "`bldst COMMAND --help` says the same as these pages. Every command has `--output json` and"
    " `--output yaml` for scripts, where it prints a result."
)


@dataclass(frozen=True)
class Shown:
    """A command as its help shows it.

    Attributes:
        path: Its words, without `bldst`.
        command: What typer runs.
        context: In which its help is written.
    """

    path: tuple[str, ...]
    command: Any
    context: Any

    @property
    def is_group(self) -> bool:
        """Whether it only has other commands."""
        return hasattr(self.command, "commands")

    @property
    def summary(self) -> str:
        """The first sentence of its help."""
        return str(self.command.get_short_help_str(1000))

    @property
    def examples(self) -> Sequence[str]:
        """The examples that its help ends with."""
        _, _, lines = (self.command.epilog or "").partition("Examples:\n")
        return [line.strip() for line in lines.splitlines()]

    def below(self) -> Iterator["Shown"]:
        """Return its commands."""
        for name in self.command.list_commands(self.context):
            command = self.command.get_command(self.context, name)
            if not command.hidden:
                context = typer.Context(command, info_name=name, parent=self.context)
                yield Shown((*self.path, name), command, context)

    def leaves(self) -> Iterator["Shown"]:
        """Return itself, or if it is a group all commands in it."""
        if self.is_group:
            for each in self.below():
                yield from each.leaves()
        else:
            yield self


def root() -> Shown:
    """Return `bldst`."""
    command = sources.command_line()
    return Shown((), command, typer.Context(command, info_name="bldst"))


def pages() -> Mapping[str, str]:
    """Return the pages by their paths."""
    bldst = root()
    found = {f"{_FOLDER}/index.md": _index(bldst)}
    for each in bldst.below():
        found[f"{_FOLDER}/{each.path[0]}.md"] = _page(each)
    return found


def _index(bldst: Shown) -> str:
    parts = ["# Commands", text(bldst.command.help), _INTRODUCTION]
    groups = list(bldst.below())
    for panel in sources.PANELS:
        rows = [
            (f"[`bldst {each.path[0]}`]({each.path[0]}.md)", text(each.summary))
            for each in groups
            if each.command.rich_help_panel == panel
        ]
        parts += [f"## {panel}", table(["command", "what it does"], rows)]
    rows = [
        (code(" ".join(("bldst", *each.path))), text(each.summary))
        for group in groups
        if group.is_group
        for each in group.leaves()
    ]
    parts += ["## Commands of the groups", table(["command", "what it does"], rows)]
    return page(*parts, "## Exit codes", _exit_codes(bldst))


def _exit_codes(bldst: Shown) -> str:
    _, _, codes = bldst.command.epilog.partition(": ")
    rows = [each.split(" ", 1) for each in codes.rstrip(".").split(", ")]
    rows.append(["128 + N", "ended by signal N: 130 for Ctrl-C"])
    return page(
        table(["code", "means"], [(number, text(means)) for number, means in rows]),
        "`bldst run` passes on the exit code of its command. Which error has which code is in"
        " [Errors](../errors.md).",
    )


def _page(group: Shown) -> str:
    title = " ".join(("bldst", *group.path))
    if not group.is_group:
        return page(f"# {title}", *_command(group))
    parts = [f"# {title}", _help(group.command.help)]
    for each in group.leaves():
        parts += [f"## {' '.join(('bldst', *each.path))}", *_command(each)]
    return page(*parts)


def _command(shown: Shown) -> Iterator[str]:
    yield _help(shown.command.help)
    yield block("text", [shown.command.get_usage(shown.context).removeprefix("Usage: ")])
    yield "For example:"
    yield block("sh", shown.examples)
    records: dict[str, list[tuple[str, str]]] = {}
    for param in shown.command.get_params(shown.context):
        record = param.get_help_record(shown.context)
        if record is not None and "--help" not in param.opts:
            kind = "argument" if param.param_type_name == "argument" else "option"
            records.setdefault(kind, []).append((code(record[0]), _values(record[1])))
    for kind, rows in records.items():
        yield table([kind, "what it says"], rows)


def _help(words: str) -> str:
    """Return the text of a help: its paragraphs, each in one line."""
    paragraphs = re.split(r"\n\s*\n", words)
    return "\n\n".join(text(" ".join(each.split())) for each in paragraphs)


def _values(words: str) -> str:
    """Return a parameter's help; what typer adds in brackets is told apart from the words."""
    found = re.match(r"(.*?)(?:\s\s(\[.*\]))?$", words, re.DOTALL)
    assert found is not None  # noqa: S101 - all of it is optional
    said, added = found.groups()
    return text(said) + (f" {code(added)}" if added else "")
