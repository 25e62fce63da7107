"""The settings, for people."""

from collections.abc import Mapping

from pydantic import JsonValue

from buildstate_cli.output.page import Fields, Page


def one(settings: Mapping[str, JsonValue]) -> Page:
    """Return the settings by their JSON names."""
    return [Fields([(name, "" if v is None else str(v)) for name, v in settings.items()])]
