"""The part of a fingerprint for a command: its words."""

from collections.abc import Sequence

from buildstate_worker.fingerprint.digest import digest_of_json


def command_parts(command: Sequence[str]) -> dict[str, str]:
    """Return the part for a command: the digest of its words, in order."""
    return {"command": digest_of_json(list(command))}
