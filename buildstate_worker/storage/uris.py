"""Which storage an artifact's URI means, and where on this machine a local one lies.

`file://` URIs are percent-decoded, as RFC 8089 has it. Bare paths and `s3://` URIs are taken
letter by letter, as the S3 tools do: `%20` in them is three characters.
"""

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from buildstate_core.errors import InvalidInput

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HERE: Final = frozenset({"", "localhost"})


def storage_type_of(uri: str) -> str:
    """Return the storage type of a URI: `file`, `s3`, or whatever its scheme is.

    A text that has neither a scheme nor a leading slash (`snap-0abc`) is of type `other`.

    >>> storage_type_of("/mnt/images/base.qcow2"), storage_type_of("ebs:snap-1")
    ('file', 'ebs')
    """
    if uri.startswith("/"):
        return "file"
    scheme = _SCHEME.match(uri)
    return scheme[1].lower() if scheme else "other"


def local_path(uri: str) -> Path:
    """Return the path of a `file` URI or a bare absolute path.

    Raises:
        InvalidInput: It names another host, or no absolute path.
    """
    path = uri
    if not uri.startswith("/"):
        host, slash, rest = uri.partition(":")[2].removeprefix("//").partition("/")
        if host.lower() not in _HERE or not slash:
            raise InvalidInput(
                f"{uri} does not name a file on this machine.",
                field="uri",
                code="bad-uri",
                hint="Use file:///absolute/path, or the absolute path alone.",
            )
        path = "/" + os.fsdecode(unquote_to_bytes(rest))
    if "\0" in path:
        raise InvalidInput("A path contains a NUL character.", field="uri", code="bad-uri")
    return Path(path)


def bucket_and_key(uri: str) -> tuple[str, str]:
    """Split the URI of an object: the bucket, or container, and its name there.

    Raises:
        InvalidInput: It lacks one of them, or names a folder.
    """
    bucket, key = _split(uri)
    if not bucket or not key or key.endswith("/"):
        raise _bad(uri, "an object", f"{storage_type_of(uri)}://bucket/key")
    return bucket, key


def bucket_and_prefix(uri: str) -> tuple[str, str]:
    """Split a URI that objects begin with; what follows the bucket may be empty.

    Raises:
        InvalidInput: It lacks the bucket.
    """
    bucket, prefix = _split(uri)
    if not bucket:
        raise _bad(uri, "a bucket", f"{storage_type_of(uri)}://bucket/prefix")
    return bucket, prefix


def _split(uri: str) -> tuple[str, str]:
    first, _, rest = uri.partition(":")[2].removeprefix("//").partition("/")
    return first, rest


def _bad(uri: str, what: str, example: str) -> InvalidInput:
    return InvalidInput(
        f"{uri} does not name {what}.", field="uri", code="bad-uri", hint=f"Use {example}."
    )
