"""What Google Cloud Storage says when it fails, told in the words of `failures`."""

import json
import os
import re
from collections.abc import Callable
from typing import Final

import requests
import urllib3.exceptions
from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    GoogleAPIError,
    NotFound,
    RetryError,
    Unauthorized,
)
from google.auth.exceptions import (
    DefaultCredentialsError,
    GoogleAuthError,
    RefreshError,
    TransportError,
)

from buildstate_core.errors import BuildStateError
from buildstate_worker.storage.failures import FREE_SPACE, not_stored, reason_of, unreachable

FAILURES: Final = (
    GoogleAPIError,
    GoogleAuthError,
    urllib3.exceptions.HTTPError,
    # Those of `requests` are among them.
    OSError,
    # A STORAGE_EMULATOR_HOST that is no URL, or an answer that is no JSON.
    ValueError,
)
"""All that the libraries raise when they cannot do what they were asked."""

CHECK_BUCKET: Final = "Check the bucket's name, and as whom this worker is logged in at Google."
_CHECK_NETWORK: Final = (
    "Check this worker's network, its proxy (HTTPS_PROXY), and that STORAGE_EMULATOR_HOST is set"
    " only where it should be, then try again."
)
_CHECK_RIGHTS: Final = (
    "Give this worker's account the role Storage Object User (roles/storage.objectUser) on the"
    " bucket."
)
_LOG_IN: Final = (
    "Set GOOGLE_APPLICATION_CREDENTIALS to a key file; or give this machine a service account, or"
    " run `gcloud auth application-default login` on it."
)
_RENEW: Final = (
    "Renew them: a new key file for GOOGLE_APPLICATION_CREDENTIALS, or `gcloud auth"
    " application-default login`. Check this worker's clock too."
)

_CHECK_ENDPOINT: Final = (
    "Check that STORAGE_EMULATOR_HOST is set only where it should be, and proxies between this"
    " worker and Google (HTTPS_PROXY)."
)
_NOT_GOOGLE: Final = "what answers there is not Google's storage"
_USED_UP: Final = "quotaExceeded"
"""What the service calls it when no more may be stored."""

_LONGEST: Final = 300
_HINTS: Final[dict[type[GoogleAPICallError], str]] = {
    Forbidden: _CHECK_RIGHTS,
    NotFound: CHECK_BUCKET,
}


def not_readable(uri: str, error: Exception) -> BuildStateError:
    """Return the error for an artifact that cannot be read."""
    return told(unreachable, uri, error)


def not_written(uri: str, error: Exception) -> BuildStateError:
    """Return the error for a storage that cannot be written."""
    return told(not_stored, uri, error)


def told(say: Callable[..., BuildStateError], uri: str, error: Exception) -> BuildStateError:
    """Return one of the sentences of `failures`, with the reason and the next step."""
    why, hint = _told(error)
    return say(uri, why, hint=hint)


def _told(error: Exception) -> tuple[str, str]:
    """Return what went wrong, and what to do about it."""
    error = _cause(error)
    if isinstance(error, DefaultCredentialsError):
        return _no_credentials(error), _LOG_IN
    if isinstance(error, RefreshError):
        return f"this worker's Google credentials are refused: {_first(error)}", _RENEW
    if isinstance(error, json.JSONDecodeError) or _is_page(error):
        return _NOT_GOOGLE, _CHECK_ENDPOINT
    if isinstance(error, GoogleAPICallError):
        return _answered(error)
    host = re.search(r"Failed to resolve '([^']+)'", str(error))
    why = f"the host {host[1]} is not known here" if host else reason_of(error)
    return why, _CHECK_NETWORK


def _no_credentials(error: DefaultCredentialsError) -> str:
    name = "GOOGLE_APPLICATION_CREDENTIALS"
    if os.environ.get(name):
        return f"{name} cannot be used: {_first(error)}"
    return "this worker has no Google credentials"


def _answered(error: GoogleAPICallError) -> tuple[str, str]:
    said = _said(error)
    if any(isinstance(each, dict) and each.get("reason") == _USED_UP for each in error.errors):
        return said, FREE_SPACE
    if isinstance(error, Unauthorized):
        return f"this worker's Google credentials are not accepted: {said}", _RENEW
    hint = _HINTS.get(type(error))
    return (said, hint) if hint else (f"{said} ({error.code})", _CHECK_NETWORK)


def _cause(error: Exception) -> Exception:
    """Take the libraries' wrappings off."""
    inner: object = None
    if isinstance(error, RetryError):
        inner = error.cause
    elif isinstance(error, TransportError | requests.RequestException) and error.args:
        inner = error.args[0]
    elif isinstance(error, urllib3.exceptions.MaxRetryError):
        inner = error.reason
    return _cause(inner) if isinstance(inner, Exception) else error


def _is_page(error: Exception) -> bool:
    """Return whether the answer was an HTML page, as that of some other web server is."""
    response = getattr(error, "response", None)
    return "html" in getattr(response, "headers", {}).get("Content-Type", "")


def _said(error: GoogleAPICallError) -> str:
    """Return the service's own sentence, without the request that the library puts before it."""
    try:
        text = str(error.response.json()["error"]["message"])
    except (AttributeError, KeyError, TypeError, ValueError):
        # No JSON, as from a proxy, or when it is about the bytes themselves.
        text = getattr(error.response, "text", "") or str(error.message)
    return text.strip().split("\n", maxsplit=1)[0][:_LONGEST].strip().rstrip(".")


def _first(error: Exception) -> str:
    text = str(error.args[0]) if error.args else str(error)
    return text.split("\n", maxsplit=1)[0].strip().rstrip(".")
