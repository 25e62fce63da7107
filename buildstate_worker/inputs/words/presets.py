"""What known tools read without being told: seen without being declared, when such a tool is run.

Each pattern is a glob below the folder that the tool works in. That nothing matches counts as well,
so that a file that comes up later is a change.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from buildstate_worker.inputs.words.script import SimpleCommand


@dataclass(frozen=True)
class Preset:
    """What a tool reads without being told.

    Attributes:
        patterns: Globs below the folder that it works in.
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
_DOCKER: Final = (_IMAGE, Preset(_COMPOSE, verbs=frozenset({"compose"})))
_ANSIBLE: Final = (
    Preset(
        (
            "ansible.cfg",
            "inventory*",
            "inventory/**/*",
            "group_vars/**/*",
            "host_vars/**/*",
            "roles/**/*",
            "library/**/*",
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
    """Yield what a command reads without being told: a folder, and a glob below it.

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
            folders.update(os.path.dirname(each) or "." for each in operands)  # noqa: PTH120 - a word
        for folder in sorted(folders):
            yield from ((folder, pattern) for pattern in preset.patterns)


def _named_by(options: Sequence[str], arguments: Sequence[str]) -> Iterator[str]:
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if option in options and value:
            yield value
        yield from (
            option.removeprefix(each).lstrip("=")
            for each in options
            if option.startswith(each) and option != each
        )
