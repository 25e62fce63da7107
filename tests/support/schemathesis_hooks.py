"""Loaded by schemathesis in a process of its own: points it at what there is.

`BLDST_TEST_PATHS` has the path parameters, as JSON, that name something.
"""

import json
import os
from typing import Any

import schemathesis

KNOWN: dict[str, Any] = json.loads(os.environ["BLDST_TEST_PATHS"])


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    if case.meta is not None and case.meta.generation.mode.is_positive:
        for name in KNOWN.keys() & (case.path_parameters or {}).keys():
            case.path_parameters[name] = KNOWN[name]
        case.body = whole(case.body)


def whole(value: Any) -> Any:
    """Write 25.0 as 25: an integer to JSON Schema, but one that no client sends."""
    if isinstance(value, dict):
        return {name: whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
