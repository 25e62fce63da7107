"""A request's body for the clouds' libraries, all of which use `requests`."""

from collections.abc import Iterator
from typing import Final, cast

_PIECE_BYTES: Final = 128 * 1024


class Body:
    """Bytes that are sent piece by piece, as often as the library tries.

    A plain `bytes` would be sent in one call, and a socket's timeout applies to the whole call: on
    a slow line a part would time out although it makes progress. A file would be at its end when
    the library sends it again with a new token.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[bytes]:
        view = memoryview(self._data)
        for start in range(0, len(view), _PIECE_BYTES):
            # A view, so that nothing is copied; a socket takes it for bytes.
            yield cast("bytes", view[start : start + _PIECE_BYTES])
