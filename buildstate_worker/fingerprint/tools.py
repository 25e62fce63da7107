"""The parts for tools that a milestone relies on: what each says of its version."""

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from buildstate_core.errors import InvalidInput
from buildstate_core.rules.fingerprints import recorded
from buildstate_worker.fingerprint.digest import digest_of_json

_SECONDS: Final = 60
_FLAG: Final = "--tool"


def tool_parts(lines: Sequence[str], *, folder: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return a part for each tool: the digest of what it prints on stdout, or else on stderr.

    Args:
        lines: A command each, such as `packer --version`.
        folder: Where they run.
        environ: Their environment.

    Raises:
        InvalidInput: One is no command, does not end with 0, or not in time, or prints nothing.
    """
    return {f"tool:{line}": _part(line, folder, environ) for line in lines}


def _part(line: str, folder: Path, environ: Mapping[str, str]) -> str:
    try:
        words = shlex.split(line)
        done = subprocess.run(  # noqa: S603 - the user's own words
            words,
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (ValueError, IndexError) as error:
        raise _failed(line, f"cannot be read as a command: {error}") from error
    except OSError as error:
        raise _failed(line, f"cannot be run: {error.strerror}") from error
    except subprocess.TimeoutExpired as error:
        raise _failed(line, f"has not ended after {_SECONDS} seconds") from error
    said = [each.decode(errors="surrogateescape").strip() for each in (done.stdout, done.stderr)]
    if done.returncode:
        words = (said[1] or said[0]).splitlines()
        why = words[-1].encode(errors="replace").decode() if words else "no word"
        raise _failed(line, f"ended with exit code {done.returncode}: {why}")
    if not any(said):
        raise _failed(line, "prints nothing")
    return recorded(digest_of_json(said[0] or said[1]))


def _failed(line: str, why: str) -> InvalidInput:
    return InvalidInput(
        f"{_FLAG} {line!r} {why}.",
        code="tool-failed",
        field=_FLAG,
        hint="It has to print the tool's version, as `packer --version` does.",
    )
