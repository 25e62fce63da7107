"""The inputs that a user has declared: `--input`, and `inputs=` of a milestone."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from buildstate_core.errors import InvalidInput
from buildstate_core.rules.fingerprints import recorded, unstable
from buildstate_worker.fingerprint.digest import digest_of_json
from buildstate_worker.inputs.source import Checkout, Source, is_glob, matches, split_glob

INPUT: Final = "input:"
_MOST: Final = 200
"""As many parts has a fingerprint for inputs, so that others have room."""

_ALL: Final = f"{INPUT}*"


def check_inputs(texts: Sequence[str], folder: Path) -> None:
    """Make sure that there is something at each place that can be read.

    Raises:
        InvalidInput: There is nothing at one of them, no glob matches, or it cannot be read.
    """
    for text in texts:
        path = folder / text
        if path.exists():
            _check_readable(text, path)
        elif not is_glob(text, str(path)):
            raise _missing(f"The input {text} does not exist in {folder}.")
        elif not matches(*split_glob(str(path))):
            raise _missing(f"The input {text} matches nothing in {folder}.")


def declared(texts: Sequence[str], checkout: Checkout) -> Iterator[Source]:
    """Yield where the declared inputs are."""
    for text in texts:
        path = checkout.path_of(text)
        part = f"{INPUT}{checkout.name_of(path)}"
        if is_glob(text, path):
            yield Source(part, *split_glob(path), is_declared=True)
        else:
            yield Source(part, path, is_declared=True)


def input_parts(texts: Sequence[str], checkout: Checkout) -> dict[str, str]:
    """Return a part for each declared input; one for all of them, if they are very many.

    Raises:
        InvalidInput: One of them is missing.
    """
    check_inputs(texts, checkout.folder)
    parts = {}
    for source in declared(texts, checkout):
        content = source.content(checkout)
        if content is not None:
            parts[source.part] = content.digest
    checkout.digests.save()
    return {part: recorded(digest) for part, digest in folded(parts, _ALL).items()}


def changed_since(
    before: Mapping[str, str], now: Mapping[str, str], attempt: str
) -> dict[str, str]:
    """Return the parts for inputs that changed while an attempt may have read them.

    Args:
        before: The attempt's fingerprint.
        now: The parts for inputs as they are now.
        attempt: The attempt's id.
    """
    return {
        part: recorded(unstable(attempt))
        for part, digest in before.items()
        if part.startswith(INPUT) and now.get(part) != digest
    }


def folded(parts: dict[str, str], name: str) -> dict[str, str]:
    """Return parts as they are, or one part for all of them if they are too many."""
    return parts if len(parts) <= _MOST else {name: digest_of_json(sorted(parts.items()))}


def _check_readable(text: str, path: Path) -> None:
    why = None
    if not path.is_file() and not path.is_dir():
        why = "it is neither a file nor a folder"
    elif not os.access(path, os.R_OK):
        why = "you may not"
    if why is not None:
        raise InvalidInput(
            f"The input {text} cannot be read: {why}.",
            code="input-unreadable",
            field="input",
            hint="Its content decides whether the milestone may be skipped; name what can be read.",
        )


def _missing(message: str) -> InvalidInput:
    return InvalidInput(
        message,
        code="input-missing",
        field="input",
        hint="Its content decides whether the milestone may be skipped; correct the path.",
    )
