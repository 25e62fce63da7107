"""Refuses query parameters that a route does not know, as bodies with unknown fields are.

A filter that is misspelt would otherwise be none, and the answer would be everything.
"""

from collections.abc import Sequence
from difflib import get_close_matches

from fastapi import Request

from buildstate_core.errors import InvalidInput
from buildstate_core.models.refusals import printable, shown


async def refuse_unknown(request: Request) -> None:
    """Check the names of a request's query parameters; a FastAPI dependency of all routes.

    Raises:
        InvalidInput: The OpenAPI document does not have one of them for this route.
    """
    if not request.query_params:
        return
    known = _known(request)
    for name in request.query_params:
        if name not in known:
            raise InvalidInput(
                f"{shown(name)} is not a query parameter of this route; leave it out.",
                code="unknown-parameter",
                field=printable(name),
                hint=_instead(name, known),
            )


def _known(request: Request) -> Sequence[str]:
    path = request.app.openapi()["paths"].get(request.scope["route"].path_format, {})
    taken = path.get(request.method.lower(), {}).get("parameters", ())
    return [each["name"] for each in taken if each["in"] == "query"]


def _instead(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name.lower(), known, n=1)
    if near:
        return f"Did you mean {near[0]}?"
    return f"It takes {', '.join(known)}." if known else "It takes none."
