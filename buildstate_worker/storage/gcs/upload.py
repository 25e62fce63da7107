"""A resumable upload to Google Cloud Storage: bytes in their order, seen by nobody until the last.

The service may keep only a part of what was sent, and an answer may be lost. So after every failure
it is asked what it has, and only the rest is sent again.
"""

import re
from contextlib import suppress
from typing import Final

import requests
from google.api_core.exceptions import PreconditionFailed, from_http_response
from google.auth.transport.requests import AuthorizedSession
from google.cloud.storage.retry import DEFAULT_RETRY  # type: ignore[import-untyped]

from buildstate_worker.storage.failures import occupied
from buildstate_worker.storage.gcs.failures import FAILURES, not_written
from buildstate_worker.storage.request_body import Body

PART_BYTES: Final = 32 * 2**20
"""A multiple of 256 KiB, as the service wants it. Large, since each waits for an answer."""

_TIMEOUT: Final = (5, 60)
_PATIENCE: Final = DEFAULT_RETRY.with_timeout(120).with_delay(0.5, 10, 2)
_HAS_ALL: Final = frozenset({200, 201})
_HAS_SOME: Final = 308


class ResumableUpload:
    """An upload under a URL that the service gave for it. See `Upload`."""

    part_bytes = PART_BYTES

    def __init__(self, uri: str, session: AuthorizedSession, url: str) -> None:
        self._uri = uri
        self._session = session
        self._url = url
        self._held: bytes | None = None
        self._stored = 0
        self._is_unsure = False
        self._is_ending = False
        self._generation: int | None = None

    def put(self, _number: int, part: bytes) -> None:
        """Send the part before this one: only the last may say that it is the last."""
        if self._held is not None:
            self._send(self._held, is_last=False)
        self._held = part

    def commit(self) -> None:
        """Send the last part, so that the object becomes visible.

        Raises:
            Conflict: There is something at that URI.
            Unreachable: The storage failed.
        """
        self._is_ending = True
        self._send(self._held or b"", is_last=True)

    def abort(self) -> int | None:
        """Cancel it. Quiet: the error that led here is the one to be told.

        Returns:
            The generation of the object, if the upload was completed and only its answer was lost.
        """
        if self._is_ending and self._generation is None:
            with suppress(*FAILURES):
                self._ask("*")
        if self._generation is None:
            with suppress(*FAILURES):
                self._session.delete(self._url, timeout=_TIMEOUT)
        return self._generation

    def _send(self, part: bytes, *, is_last: bool) -> None:
        start = self._stored
        total = str(start + len(part)) if is_last else "*"
        try:
            _PATIENCE(lambda: self._send_rest(part, start, total))()
        except PreconditionFailed as error:
            raise occupied(self._uri) from error
        except FAILURES as error:
            raise not_written(self._uri, error) from error

    def _send_rest(self, part: bytes, start: int, total: str) -> None:
        if self._is_unsure:
            self._ask(total)
        end = start + len(part)
        while self._generation is None and (self._stored < end or total != "*"):
            before = self._stored
            if before < start:
                raise OSError("the service has lost bytes that it had taken")
            rest = part[before - start :]
            span = f"{before}-{end - 1}" if rest else "*"
            self._take(self._request(rest, f"bytes {span}/{total}"))
            if self._stored == before and self._generation is None:
                # Tried again after a pause, and not for ever.
                raise ConnectionError("the service does not keep what it is sent")

    def _ask(self, total: str) -> None:
        self._take(self._request(b"", f"bytes */{total}"))

    def _request(self, body: bytes, span: str) -> requests.Response:
        self._is_unsure = True
        return self._session.put(
            self._url, data=Body(body), headers={"Content-Range": span}, timeout=_TIMEOUT
        )

    def _take(self, response: requests.Response) -> None:
        """Learn from an answer what the service has."""
        if response.status_code in _HAS_ALL:
            self._generation = int(response.json()["generation"])
        elif response.status_code == _HAS_SOME:
            kept = re.fullmatch(r"bytes=0-(\d+)", response.headers.get("Range", ""))
            self._stored = int(kept[1]) + 1 if kept else 0
        else:
            raise from_http_response(response)  # type: ignore[no-untyped-call]
        self._is_unsure = False
