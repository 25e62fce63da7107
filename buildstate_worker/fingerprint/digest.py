"""The digest of a JSON value, whatever the order of its keys."""

import hashlib
import json


def digest_of_json(value: object) -> str:
    """Return the SHA-256 of a value's JSON, as 64 hexadecimal digits.

    Raises:
        TypeError: JSON cannot say it.
        ValueError: It holds a number that is not finite, or itself.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
