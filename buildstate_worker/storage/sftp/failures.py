"""What goes wrong on an SFTP server, told in the words of `storage.failures`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import asyncssh

from buildstate_core.errors import BuildStateError
from buildstate_worker.storage.failures import FREE_SPACE, reason_of
from buildstate_worker.storage.sftp.client import LOST
from buildstate_worker.storage.sftp.connect import Trouble

FAILURES: Final = (*LOST, Trouble, asyncssh.Error, OSError)
CHECK_RIGHTS: Final = "Check what this user may do there on the server."

_FULL: Final = (asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded)
_CHECK_NETWORK: Final = "Check the network of this worker and the server, then try again."
_CHECK_SERVER: Final = "Check the path and the disk on the server."


@contextmanager
def telling(uri: str, say: Callable[..., BuildStateError]) -> Iterator[None]:
    """Turn what goes wrong on a server into a sentence."""
    try:
        yield
    except FAILURES as error:
        why, hint = explained(error)
        raise say(uri, why, hint=hint) from error


def explained(error: Exception) -> tuple[str, str]:
    """Return in a few words what went wrong on a server, and what to do about it."""
    if isinstance(error, Trouble):
        return error.why, error.hint
    if isinstance(error, TimeoutError):
        return "the server did not answer in time", _CHECK_NETWORK
    said = reason_of(error)
    if isinstance(error, LOST):
        return f"the connection to the server was lost ({said})", _CHECK_NETWORK
    if isinstance(error, asyncssh.SFTPPermissionDenied | asyncssh.SFTPWriteProtect):
        return said, CHECK_RIGHTS
    if isinstance(error, _FULL) or "space" in said.lower() or "quota" in said.lower():
        return said, FREE_SPACE
    return said, _CHECK_SERVER
