"""The page of the HTTP API, and the OpenAPI document itself."""

import json
from collections.abc import Iterator
from typing import Any

from docs.generator import sources
from docs.generator.markdown import code, table, text
from docs.generator.markdown import page as page_of

_INTRODUCTION = (
    "[`openapi.json`](openapi.json) says it to machines: every field, its bounds, and what each"
    " route answers. A running service has the same document at `/openapi.json`."
)
_RULES = (
    "- Every request but those about health carries `Authorization: Bearer KEY`.\n"
    "- A write may carry an `Idempotency-Key`; repeated with the same one, it has one effect.\n"
    "- A list comes in pages; `next_cursor` of one is the `cursor` of the next.\n"
    "- An error is a problem document, `application/problem+json`. The end of its `type` is its"
    " code: see [Errors](errors.md).\n"
)


def document() -> str:
    """Return the OpenAPI document."""
    return json.dumps(sources.openapi(), indent=1, ensure_ascii=False) + "\n"


def page() -> str:
    """Return the page."""
    openapi = sources.openapi()
    parts = ["# HTTP API", text(openapi["info"]["description"]), _INTRODUCTION, _RULES]
    routes: dict[str, list[tuple[str, str]]] = {}
    for tag, route, operation in _operations(openapi):
        routes.setdefault(tag, []).append((code(route), _sentences(operation["description"])))
    for tag, rows in routes.items():
        parts += [f"## {tag.capitalize()}", table(["route", "what it does"], rows)]
    return page_of(*parts)


def _operations(openapi: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Return each operation with its tag and its route."""
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield operation["tags"][0], f"{method.upper()} {path}", operation


def _sentences(description: str) -> str:
    """Return a docstring in one line, without the sections that are for programmers."""
    return text(" ".join(description.partition("\n\nRaises:")[0].split()))
