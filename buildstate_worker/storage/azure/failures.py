"""What Azure Blob Storage says when it fails, told in the words of `failures`."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    DeserializationError,
    HttpResponseError,
)

from buildstate_core.errors import BuildStateError
from buildstate_worker.storage.azure.client import NoAccountError, credential_name, sas_ended_at
from buildstate_worker.storage.failures import FREE_SPACE, gone, not_stored, reason_of, unreachable
from buildstate_worker.storage.uris import bucket_and_prefix

FAILURES: Final = (AzureError, NoAccountError, OSError, ValueError)
"""All that the library raises when it cannot do what it was asked; `ValueError`s are keys, account
names and URLs that cannot be right."""

_NOT_KNOWN: Final = frozenset(
    {
        "AuthenticationFailed",
        "AuthorizationFailure",
        "InvalidAuthenticationInfo",
        "NoAuthenticationInformation",
    }
)
"""Codes of credentials that are wrong, old, or sent from where nothing is accepted."""

_CHECK_CONTAINER: Final = (
    "Check the container's name, and which account this worker's AZURE_STORAGE_* variables name."
)
_CHECK_NETWORK: Final = (
    "Check AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_ACCOUNT_URL or AZURE_STORAGE_CONNECTION_STRING,"
    " and the network, on this worker, then try again."
)
_CHECK_ENDPOINT: Final = (
    "Check AZURE_STORAGE_ACCOUNT_URL or AZURE_STORAGE_CONNECTION_STRING on this worker, and proxies"
    " between it and the storage."
)
_NOT_AZURE: Final = "what answers there is not Azure's blob storage"
_CHECK_RIGHTS: Final = (
    "Give this worker the role Storage Blob Data Contributor on the container, or a SAS token"
    " with the permissions rcwdl."
)
_CHECK_ACCOUNT: Final = (
    "Set AZURE_STORAGE_ACCOUNT, or one of the others, in this worker's environment."
)
_LOG_IN: Final = (
    "Set AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN; or AZURE_TENANT_ID, AZURE_CLIENT_ID and"
    " AZURE_CLIENT_SECRET; or give this machine a managed identity, or run `az login` on it."
)
_HINTS: Final = {
    "AccountIsDisabled": "Have the storage account enabled.",
    "BlobArchived": "It is in the archive tier: rehydrate it, then try again.",
    "ContainerBeingDeleted": _CHECK_CONTAINER,
    "ContainerNotFound": _CHECK_CONTAINER,
    "InvalidResourceName": _CHECK_CONTAINER,
    "OutOfRangeInput": _CHECK_CONTAINER,
    "ResourceNotFound": _CHECK_CONTAINER,
    "BlobImmutableDueToPolicy": "The container's immutability policy forbids it.",
    "LeaseIdMissing": "Somebody has a lease on the blob: have it released.",
}


class NotAzureError(AzureError):
    """The answer did not come from Azure."""


_FOREIGN: Final = (NotAzureError, DecodeError, DeserializationError)


def not_readable(uri: str, error: Exception) -> BuildStateError:
    """Return the error for an artifact that cannot be read: gone, or nobody can tell."""
    if code_of(error) == "BlobNotFound":
        return gone(uri)
    return told(unreachable, uri, error)


def not_written(uri: str, error: Exception) -> BuildStateError:
    """Return the error for a storage that cannot be written."""
    return told(not_stored, uri, error)


def told(say: Callable[..., BuildStateError], uri: str, error: Exception) -> BuildStateError:
    """Return one of the sentences of `failures`, with the reason and the next step."""
    why, hint = _told(uri, error)
    return say(uri, why, hint=hint)


def _told(uri: str, error: Exception) -> tuple[str, str]:
    """Return what went wrong, and what to do about it."""
    code = code_of(error)
    if isinstance(error, NoAccountError):
        return str(error), _CHECK_ACCOUNT
    if code in _NOT_KNOWN:
        return _not_known(error, code)
    if isinstance(error, ClientAuthenticationError) and not code:
        return _not_logged_in(error)
    if isinstance(error, _FOREIGN) or _is_foreign(error, code):
        return _NOT_AZURE, _CHECK_ENDPOINT
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return _answered(uri, error, code)
    host = re.search(r"Failed to resolve '([^']+)'", str(error))
    why = f"the host {host[1]} is not known here" if host else reason_of(error)
    return why, _CHECK_NETWORK


def _answered(uri: str, error: HttpResponseError, code: str) -> tuple[str, str]:
    said = _said(error, code)
    if code == "ContainerNotFound":
        return f"there is no container {_container(uri)}", _CHECK_CONTAINER
    if error.status_code == HTTPStatus.INSUFFICIENT_STORAGE:
        return f"the storage is full: {said}", FREE_SPACE
    denied = error.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    return said, _HINTS.get(code, _CHECK_RIGHTS if denied else _CHECK_NETWORK)


def _not_known(error: Exception, code: str) -> tuple[str, str]:
    name = credential_name(os.environ)
    ended_at = sas_ended_at(os.environ)
    if ended_at is not None and ended_at < datetime.now(UTC):
        why = f"this worker's SAS token expired at {ended_at.isoformat(timespec='seconds')}"
        return why, f"Put a new one into {name}."
    where = "Check as whom this worker is logged in"
    if name is not None:
        where = f"Check {name} on this worker (it may have expired)"
    hint = f"{where}, its clock, and from where the account's firewall lets one in."
    return _said(error, code), hint


def _not_logged_in(error: ClientAuthenticationError) -> tuple[str, str]:
    name = credential_name(os.environ)
    if name is not None:
        return f"{name} is not a key: {reason_of(error)}", f"Copy {name} again from the account."
    refused = re.search(r"AADSTS\d+[^\n]*", str(error))
    if refused:
        return refused[0].rstrip("."), _LOG_IN
    return "this worker has no credentials that azure-identity can find", _LOG_IN


def code_of(error: BaseException) -> str:
    """Return Azure's error code; empty if it sent none."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or "")


def _is_foreign(error: Exception, code: str) -> bool:
    """Return whether an answer is not Azure's: a success that makes no sense, or a web page."""
    if not isinstance(error, HttpResponseError) or error.status_code is None or code:
        return False
    return error.status_code in {HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}


def _said(error: Exception, code: str) -> str:
    text = getattr(error, "reason", None) or str(error).split("\n", maxsplit=1)[0]
    text = str(text).strip().rstrip(".")
    return f"{text} ({code})" if code else text


def _container(uri: str) -> str:
    return bucket_and_prefix(uri)[0]
