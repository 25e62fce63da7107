"""Before anything is asked: what was typed is read, and the inputs are looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from buildstate_cli.run import flags as run_flags
from buildstate_cli.run.flags import Restore, RunFlags
from buildstate_cli.run.journal import RunCall
from buildstate_cli.validation import pairs
from buildstate_core.vocabulary import Kind
from buildstate_worker.blobs import Blob
from buildstate_worker.fingerprint.code import command_parts
from buildstate_worker.fingerprint.inputs import input_parts
from buildstate_worker.fingerprint.params_1 import param_parts_1


@dataclass(frozen=True)
class PreparedCall:
    """A call whose flags were read and whose inputs were looked at.

    Attributes:
        blobs: What the command makes.
        is_again: Whether it was called before, and is made again for the one that was typed now.
    """

    call: RunCall
    restores: Sequence[Restore]
    blobs: Sequence[Blob]
    fingerprint: Mapping[str, str]
    is_again: bool

    @property
    def flags(self) -> RunFlags:
        """What was typed."""
        return self.call.flags

    @property
    def kind(self) -> Kind | None:
        """What the command does, as far as that was said."""
        # Only what touches the world can be gone from it.
        return self.flags.kind or (None if self.flags.probe is None else Kind.EFFECT)


def prepare(call: RunCall, folder: Path, *, is_again: bool = False) -> PreparedCall:
    """Read what was typed.

    Raises:
        InvalidInput: Something of it is wrong, or an input is missing.
    """
    flags = call.flags
    return PreparedCall(
        call=call,
        restores=run_flags.restores(flags.restores, folder, below=flags.state),
        blobs=run_flags.blobs(flags.artifacts, folder, flags.storage_options),
        fingerprint={
            **command_parts(call.command),
            **call.params,
            **param_parts_1(pairs(flags.params, flag="--param")),
            **input_parts(flags.inputs, folder=folder),
        },
        is_again=is_again,
    )
