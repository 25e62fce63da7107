"""A key of this machine's user, by which he knows again what he wrote himself."""

import hashlib
import hmac
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

_FILE: Final = "machine.key"
_BYTES: Final = 32
_OF_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class MachineKey:
    """A secret that never leaves a folder that only its user can read.

    Args:
        folder: The folder. The key is made there when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE

    def sign(self, content: bytes) -> str:
        """Return what shows that this machine's user wrote something.

        Raises:
            OSError: There is no key, and none can be made.
        """
        return hmac.new(self._read() or self._make(), content, hashlib.sha256).hexdigest()

    def has_signed(self, content: bytes, signature: str) -> bool:
        """Return whether this machine's user wrote something."""
        key = self._read()
        if key is None:
            return False
        expected = hmac.new(key, content, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), signature.encode(errors="replace"))

    def _read(self) -> bytes | None:
        """Return the key; `None` if there is none that only this user can read."""
        try:
            descriptor = os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            is_ours = status.st_uid == os.geteuid() and not status.st_mode & _OF_OTHERS
            key = file.read(_BYTES) if is_ours else b""
        return key if len(key) == _BYTES else None

    def _make(self) -> bytes:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._file.with_name(f".{_FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
            # Whoever comes first has made it; it is never replaced.
            with suppress(FileExistsError):
                os.link(draft, self._file)
        finally:
            draft.unlink()
        key = self._read()
        if key is None:
            raise PermissionError(1, "others could have written it", str(self._file))
        return key
