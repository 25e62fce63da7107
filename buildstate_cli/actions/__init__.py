"""What the commands do.

A module of this package is imported when a command first names it (`actions.builds.get(…)`), and
with it the client and the models. So `bldst --help` is not slowed down by them, and the modules
themselves import what they need at their top, as everywhere else.

To add one: write the module, and name it here.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from buildstate_cli.actions import (
        adopting,
        artifacts,
        builds,
        cache,
        catalogs,
        checking,
        collecting,
        comparing,
        configuration,
        decisions,
        demo,
        keys,
        lineage,
        plans,
        projects,
        pulling,
        pushing,
        reports,
        resumes,
        running,
        running_flags,
        serving,
        storage_flags,
        verifying,
        watching,
    )

__all__ = [
    "adopting",
    "artifacts",
    "builds",
    "cache",
    "catalogs",
    "checking",
    "collecting",
    "comparing",
    "configuration",
    "decisions",
    "demo",
    "keys",
    "lineage",
    "plans",
    "projects",
    "pulling",
    "pushing",
    "reports",
    "resumes",
    "running",
    "running_flags",
    "serving",
    "storage_flags",
    "verifying",
    "watching",
]

if not TYPE_CHECKING:
    # Hidden from type checkers, which would take any name for granted.
    def __getattr__(name: str) -> ModuleType:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(f"{__name__}.{name}")
