"""Credentials in URIs: there must be none, since the service shows URIs to everybody.

A worker has its credentials in its environment. What is found in a URI is named, never repeated:
messages end up in logs.

Standard library only, so that the service can check what a worker will record.
"""

import re
from typing import Final

from buildstate_core.errors import InvalidInput

_USER: Final = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#]*)@")
_SECRETS: Final = re.compile(r"(?:.*[-_]|api|access)?(sig|signature|token|secret|password|key)")
"""Parts of a query that grant access to anyone who has the URL, as in a presigned URL."""

_TOKENS: Final = frozenset({"http", "https"})
"""What stands before the host there may be a token as well as a name."""

_CALLED: Final = {"sig": "signature"}


class HoldsCredential(ValueError):
    """A URI holds a credential; the value must not be shown."""


def credential_in(uri: str) -> str | None:
    """Return the kind of credential that a URI holds, if any. A user's name alone is not one.

    >>> credential_in("sftp://me:pw@nas/a"), credential_in("https://h/a?X-Amz-Signature=0f")
    ('a password', 'a signature')
    >>> credential_in("sftp://me@nas/a")
    """
    text = uri.lower()
    if "://" not in text or text.startswith("file:"):
        return None
    user = _USER.match(text)
    if user is not None and (":" in user[2] or user[1] in _TOKENS):
        return "a password"
    for each in re.split(r"[?&;#]", text)[1:]:
        name, equals, _ = each.partition("=")
        secret = _SECRETS.fullmatch(name)
        if equals and secret is not None:
            return f"a {_CALLED.get(secret[1], secret[1])}"
    return None


def check_shown(uri: str) -> None:
    """Check that a URI can be shown to everybody.

    Raises:
        HoldsCredential: It holds a credential.
    """
    found = credential_in(uri)
    if found is not None:
        raise HoldsCredential(
            f"it holds {found}, and URIs are shown to everybody; leave that out, since workers take"
            " credentials from their environment"
        )


def refuse_credentials(uri: str) -> None:
    """Refuse to work with a URI that holds a credential.

    Raises:
        InvalidInput: It holds one.
    """
    found = credential_in(uri)
    if found is None:
        return
    scheme, _, rest = uri.partition("://")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    raise InvalidInput(
        f"The {scheme} URI of an artifact on {host} holds {found}, and the service shows URIs to"
        " everybody.",
        field="uri",
        code="bad-uri",
        hint="Leave it out: credentials come from the worker's environment. Change what was"
        " recorded anywhere.",
    )
