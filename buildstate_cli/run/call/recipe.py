"""What goes into a call: its command, its values, the files that it reads, what it makes."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from buildstate_cli.run.call.flags import artifact_key
from buildstate_cli.run.call.prepare import PreparedCall
from buildstate_cli.run.call.values import value_parts
from buildstate_cli.validation import pairs
from buildstate_core.rules.fingerprints import recorded
from buildstate_core.vocabulary import CommandCode
from buildstate_worker.fingerprint.command import command_parts, command_parts_1
from buildstate_worker.fingerprint.digest import digest_of_json
from buildstate_worker.inputs.command import Looked, Settled, look, settle
from buildstate_worker.inputs.declared import INPUT
from buildstate_worker.inputs.ignoring import Ignored
from buildstate_worker.inputs.source import Checkout, is_glob
from buildstate_worker.reads import Digests, Made, Project, Scope

_OUTPUTS: Final = "outputs"
_IGNORED: Final = {"declared:code": recorded("ignore")}
"""Says that the command's words do not count, so that something is known of what goes into it."""

_MOST_1: Final = 400
"""More inputs than that no attempt of the release before has."""


@dataclass(frozen=True)
class Recipe:
    """What goes into a call, as it was when that was looked at.

    Attributes:
        parts: Part name to digest.
        older: The same as the release before records it.
        looked: The files that it reads.
        checkout: Where it runs.
        made: What was made for the build on this machine.
    """

    parts: Mapping[str, str]
    older: Mapping[str, str]
    looked: Looked
    checkout: Checkout
    made: Made

    def scope(self, known: Iterable[str] = ()) -> Scope:
        """Return what counts of what is seen to be read beside that.

        Args:
            known: Absolute paths of files and folders that are known otherwise.
        """
        paths = (path for source, _ in self.looked.sources for path in source.paths)
        return Scope(
            project=self.checkout.project,
            known=[*known, *paths],
            leaves_out=self.checkout.ignored.has,
        )

    def settled(self, prepared: PreparedCall, attempt: str) -> Settled:
        """Return what turned out of it, now that an attempt has ended well."""
        found = settle(self.looked, self.checkout, attempt)
        fed = {} if prepared.feed is None else prepared.feed.revised(attempt)
        return replace(found, parts={**found.parts, **fed})


def recipe_of(
    prepared: PreparedCall, folder: Path, environ: Mapping[str, str], *, memory: Path, made: Made
) -> Recipe:
    """Look at what goes into a call.

    Args:
        prepared: The call.
        folder: The working directory.
        environ: The environment.
        memory: Where digests are remembered on this machine.
        made: What was made for the build on this machine.

    Raises:
        InvalidInput: An input is missing, or a tool does not tell its version.
    """
    flags, counting = prepared.flags, prepared.flags.counting
    project = Project.around(folder)
    paths, globs = _own_places(prepared)
    ignored = Ignored(folder, [*counting.excludes, *globs], paths)
    checkout = Checkout(folder, project, Digests(memory, project.folder), ignored, made)
    looked = look(
        prepared.call.command, flags.inputs, checkout, environ, finds=counting.finds_inputs
    )
    named = {name: environ.get(name) for name in counting.environment}
    params, params_1 = value_parts({**pairs(flags.params, flag="--param"), **named})
    tools = _tools(counting.tools, folder, environ)
    fed = {} if prepared.feed is None else prepared.feed.parts
    return Recipe(
        parts={
            **_command(prepared, folder),
            **prepared.call.params,
            **params,
            **looked.parts,
            **tools,
            **_outputs(flags.artifacts),
            **fed,
        },
        older={
            **_command_1(prepared),
            **prepared.call.older_params,
            **params_1,
            **_inputs_1(flags.inputs, folder, looked),
            **tools,
            **({} if not counting.takes_stdin else fed),
        },
        looked=looked,
        checkout=checkout,
        made=made,
    )


def _command(prepared: PreparedCall, folder: Path) -> Mapping[str, str]:
    counting = prepared.flags.counting
    if counting.code is CommandCode.IGNORE:
        return _IGNORED
    return command_parts(prepared.call.command, folder, version=counting.version)


def _command_1(prepared: PreparedCall) -> Mapping[str, str]:
    counting = prepared.flags.counting
    if counting.code is CommandCode.IGNORE:
        return _IGNORED
    return command_parts_1(prepared.call.command, version=counting.version)


def _tools(lines: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Mapping[str, str]:
    if not lines:
        return {}
    from buildstate_worker.fingerprint.tools import tool_parts  # noqa: PLC0415 - few need it

    return tool_parts(lines, folder=folder, environ=environ)


def _inputs_1(texts: Sequence[str], folder: Path, looked: Looked) -> Mapping[str, str]:
    """Return the parts for inputs as the release before made them, which knew no globs."""
    if not texts or len(texts) > _MOST_1:
        return {}
    from buildstate_worker.fingerprint.inputs_1 import input_parts_1  # noqa: PLC0415 - few need it

    globs = {each for each in texts if is_glob(each, folder / each)}
    now = looked.parts
    return {
        **input_parts_1([each for each in texts if each not in globs], folder=folder),
        **{part: digest for part, digest in now.items() if part.removeprefix(INPUT) in globs},
    }


def _outputs(texts: Sequence[str]) -> dict[str, str]:
    """Return the part for what is made: the names of the artifacts, and not where they are put."""
    if not texts:
        return {}
    return {_OUTPUTS: recorded(digest_of_json(sorted(map(artifact_key, texts))))}


def _own_places(prepared: PreparedCall) -> tuple[list[str], list[str]]:
    """Return where the command puts what it makes: absolute paths, and globs in the folder."""
    paths = [str(each.path) for each in prepared.blobs]
    globs = [
        f"/{each.place}"
        for each in prepared.blobs
        if each.place and is_glob(str(each.place), each.path)
    ]
    return [os.path.realpath(each) for each in paths], globs
