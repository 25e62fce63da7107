"""Before anything is asked: what was typed is read, and what could be wrong with it is found."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from buildstate_cli.run.call import flags as run_flags
from buildstate_cli.run.call.flags import Restore, RunFlags
from buildstate_cli.run.call.journal import RunCall
from buildstate_cli.validation import pairs
from buildstate_core.errors import InvalidInput
from buildstate_core.vocabulary import Kind
from buildstate_worker.blobs import Blob
from buildstate_worker.inputs.declared import check_inputs
from buildstate_worker.inputs.standard_input import Feed, feed_again


@dataclass(frozen=True)
class PreparedCall:
    """A call whose flags were read.

    Attributes:
        blobs: What the command makes.
        feed: What its standard input is; `None` if that is not there any more.
        is_again: Whether it was called before, and is made again for the one that was typed now.
    """

    call: RunCall
    restores: Sequence[Restore]
    blobs: Sequence[Blob]
    feed: Feed | None
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


def prepare(call: RunCall, folder: Path, *, feed: Feed | None) -> PreparedCall:
    """Read what was typed.

    Args:
        call: The call.
        folder: The working directory.
        feed: The standard input of the call that was typed.

    Raises:
        InvalidInput: Something of it is wrong, or an input is missing.
    """
    flags = call.flags
    _check_params(flags)
    check_inputs(flags.inputs, folder)
    return PreparedCall(
        call=call,
        restores=run_flags.restores(flags.restores, folder, below=flags.state),
        blobs=run_flags.blobs(flags.artifacts, folder, flags.storage_options),
        feed=feed,
        is_again=False,
    )


def prepare_again(call: RunCall, folder: Path) -> PreparedCall:
    """Read what was typed before, for a call that is made again.

    Raises:
        InvalidInput: As for `prepare`.
    """
    feed = None if call.was_piped else feed_again(call.fed_file)
    return replace(prepare(call, folder, feed=feed), is_again=True)


def _check_params(flags: RunFlags) -> None:
    twice = set(pairs(flags.params, flag="--param")) & set(flags.counting.environment)
    if twice:
        name = min(twice)
        raise InvalidInput(
            f"{name} is named by --param and by --param-env.",
            field="--param-env",
            hint="Keep the one that says its value.",
        )
