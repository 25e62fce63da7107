"""The page of reasons: their words are the code's, what to do is in `reasons.toml`."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from docs.generator import sources
from docs.generator.markdown import code, table, text
from docs.generator.markdown import page as page_of

TABLE = Path(__file__).with_name("reasons.toml")

_INTRODUCTION = (
    "A reason is a stable code, and words for people. It is stored with each attempt, and shown by"
    " `bldst`, by the service and in Prefect alike. A code may carry what it is about behind a"
    " colon, such as `recipe_changed:command`.\n\n"
    "How a decision comes about is in"
    " [When a state is skipped, and when not](../explanation/resume.md)."
)


def known() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Return what `reasons.toml` says of each code, by the question that the code answers."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def page() -> str:
    """Return the page."""
    texts = sources.reason_texts()
    parts = ["# Reasons", _INTRODUCTION]
    for question, group in known().items():
        rows = []
        for name, said in group.items():
            carried = said.get("carries")
            shown = code(f"{name}:{carried}" if carried else name)
            means = text(texts[name].format(carried))
            rows.append((shown, said["decision"], means, text(said["do"])))
        parts += [f"## {question}", table(["code", "decision", "means", "what you can do"], rows)]
    return page_of(*parts)
