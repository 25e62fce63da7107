"""The parts for declared inputs as the first recorder made them, for old attempts.

Frozen: nothing here may ever change.
"""

from collections.abc import Sequence
from pathlib import Path

from buildstate_core.errors import InvalidInput
from buildstate_worker.transfer import digest_of


def input_parts_1(inputs: Sequence[str], *, folder: Path) -> dict[str, str]:
    """Return a part for each file or folder whose content decides "unchanged".

    Args:
        inputs: Paths relative to `folder`; each part is named after its path as written.
        folder: The working directory.

    Raises:
        InvalidInput: One of them is missing.
    """
    parts = {}
    for each in inputs:
        path = folder / each
        if not path.exists():
            raise InvalidInput(
                f"The input {each} does not exist in {folder}.",
                code="input-missing",
                field="input",
                hint="Its content decides whether the milestone may be skipped; correct the path.",
            )
        parts[f"input:{each}"] = digest_of(path).removeprefix("sha256:")
    return parts
