"""Which Azure storage account a worker uses, and as whom: its own environment says.

The library for blobs reads no environment, so that the names here are those of Azure's command
line: `AZURE_STORAGE_CONNECTION_STRING`; or `AZURE_STORAGE_ACCOUNT_URL` or `AZURE_STORAGE_ACCOUNT`,
with `AZURE_STORAGE_KEY`, with `AZURE_STORAGE_SAS_TOKEN`, or with whatever azure-identity finds.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs

from azure.storage.blob import BlobServiceClient

_IDENTITY_SECONDS: Final = 5
"""How long a command line that is asked for a token may take."""

_CREDENTIALS: Final = (
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
)


class NoAccountError(Exception):
    """The environment does not say which account to use. Its text is for people."""


def service_client(environ: Mapping[str, str], **options: Any) -> BlobServiceClient:
    """Return a client for the account that the environment names; nothing is sent yet.

    Args:
        environ: The worker's environment.
        options: Timeouts, retries and the like, as the library knows them.

    Raises:
        NoAccountError: No account is named.
        ValueError: What is there cannot be right: a key that is no base64, for one.
    """
    connection = environ.get("AZURE_STORAGE_CONNECTION_STRING")
    if connection:
        return BlobServiceClient.from_connection_string(connection, **options)
    name = environ.get("AZURE_STORAGE_ACCOUNT")
    url = environ.get("AZURE_STORAGE_ACCOUNT_URL")
    if not url and not name:
        raise NoAccountError(
            "no storage account is named on this worker: none of AZURE_STORAGE_CONNECTION_STRING,"
            " AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_ACCOUNT_URL is set"
        )
    return BlobServiceClient(
        url or f"https://{name}.blob.core.windows.net",
        credential=_credential(environ, name),
        **options,
    )


def credential_name(environ: Mapping[str, str]) -> str | None:
    """Return the variable that the credentials come from; `None` if azure-identity is asked."""
    for name in _CREDENTIALS:
        if environ.get(name):
            return name
    return None


def sas_ended_at(environ: Mapping[str, str]) -> datetime | None:
    """Return when the SAS token in use expires, if there is one and it says so."""
    name = credential_name(environ)
    text = environ.get(name, "") if name else ""
    if name == "AZURE_STORAGE_CONNECTION_STRING":
        _, _, text = text.partition("SharedAccessSignature=")
    ends = parse_qs(text.strip("?;")).get("se", [""])[0]
    try:
        at = datetime.fromisoformat(ends)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _credential(environ: Mapping[str, str], name: str | None) -> Any:
    key = environ.get("AZURE_STORAGE_KEY")
    if key:
        # A URL of one's own does not tell the account's name.
        return {"account_name": name, "account_key": key} if name else key
    token = environ.get("AZURE_STORAGE_SAS_TOKEN")
    if token:
        return token
    # Late, since it takes half a second that those who have a key need not wait.
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415

    # It logs a warning for each method that fails, on the screen if logging is not set up.
    log = logging.getLogger("azure.identity")
    if log.level == logging.NOTSET:
        log.setLevel(logging.ERROR)
    return DefaultAzureCredential(process_timeout=_IDENTITY_SECONDS)
