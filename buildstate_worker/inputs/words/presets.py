"""What known tools read without being told: seen without being declared, when such a tool is run.

Each pattern is a file, a folder or a glob below the folder that the tool works in. That there is
none counts as well, so that what comes up later is a change.
"""

import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from buildstate_worker.inputs.words.script import SimpleCommand


@dataclass(frozen=True)
class Preset:
    """What a tool reads without being told.

    Attributes:
        patterns: Files, folders and globs below the folder that it works in.
        folder_options: The options that name this folder, if it is not where the tool is run.
        verbs: The first operands with which it reads that; none for always.
        beside: Whether it reads that beside the files that it is called with, too.
    """

    patterns: Sequence[str]
    folder_options: Sequence[str] = ()
    verbs: frozenset[str] = frozenset()
    beside: bool = False


_MAKE: Final = (Preset(("GNUmakefile", "makefile", "Makefile", "*.mk"), ("-C", "--directory")),)
_IMAGE: Final = Preset(
    ("Dockerfile", "Containerfile", ".dockerignore", ".containerignore"),
    verbs=frozenset({"build", "buildx", "bud"}),
)
_COMPOSE: Final = ("compose.y*ml", "docker-compose*.y*ml", ".env")
_BAKE: Final = Preset(
    ("docker-bake*.hcl", "docker-bake*.json"), verbs=frozenset({"bake", "buildx"})
)
_DOCKER: Final = (_IMAGE, _BAKE, Preset(_COMPOSE, verbs=frozenset({"compose"})))
_ANSIBLE: Final = (
    Preset(
        (
            "ansible.cfg",
            "inventory*",
            "group_vars",
            "host_vars",
            "roles",
            "tasks",
            "handlers",
            "templates",
            "files",
            "vars",
            "library",
            "*_plugins",
            "requirements.y*ml",
        ),
        beside=True,
    ),
)
_PACKER: Final = (
    Preset(
        ("*.pkr.hcl", "*.pkr.json", "*.auto.pkrvars.hcl", "*.auto.pkrvars.json"),
        verbs=frozenset({"build", "validate", "init"}),
        beside=True,
    ),
)
_TERRAFORM: Final = (
    Preset(
        ("*.tf", "*.tf.json", "*.auto.tfvars*", "terraform.tfvars*", ".terraform.lock.hcl"),
        ("-chdir",),
    ),
)

PRESETS: Final[Mapping[str, Sequence[Preset]]] = {
    "make": _MAKE,
    "gmake": _MAKE,
    "docker": _DOCKER,
    "podman": _DOCKER,
    "buildah": (_IMAGE,),
    "docker-compose": (Preset(_COMPOSE),),
    "ansible": _ANSIBLE,
    "ansible-playbook": _ANSIBLE,
    "packer": _PACKER,
    "terraform": _TERRAFORM,
    "tofu": _TERRAFORM,
    "vagrant": (Preset(("Vagrantfile",)),),
}
"""By the name of the program."""


def implicit(command: SimpleCommand) -> Iterator[tuple[str, str]]:
    """Yield what a command reads without being told: a folder, and what is below it.

    Folders are relative to where the command runs.

    >>> list(implicit(SimpleCommand(["vagrant", "up"])))
    [('.', 'Vagrantfile')]
    """
    arguments = command.words[1:]
    operands = [each for each in arguments if not each.startswith("-")]
    for preset in PRESETS.get(command.tool, ()):
        if preset.verbs and preset.verbs.isdisjoint(operands[:1]):
            continue
        folders = {".", *_named_by(preset.folder_options, arguments)}
        if preset.beside:
            named = (*operands, *_values(arguments))
            folders.update(os.path.dirname(each) or "." for each in named)  # noqa: PTH120 - a word
        for folder in sorted(folders):
            yield from ((folder, pattern) for pattern in preset.patterns)


def _values(arguments: Sequence[str]) -> Iterator[str]:
    """Yield what is behind `=` in options."""
    yield from (
        each.partition("=")[2] for each in arguments if each.startswith("-") and "=" in each
    )


def _named_by(options: Sequence[str], arguments: Sequence[str]) -> Iterator[str]:
    for option, value in itertools.zip_longest(arguments, arguments[1:], fillvalue=""):
        if option in options and value:
            yield value
        yield from (
            option.removeprefix(each).lstrip("=")
            for each in options
            if option.startswith(each) and option != each
        )
