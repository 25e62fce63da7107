"""Whether a request means the build that has its key, and not another one.

What is done in a build is skipped for whoever opens it. Two images that share a key would take
each other's artifacts, so what a request says of its build is compared with what is recorded.
"""

from collections.abc import Mapping
from typing import Final

from buildstate_api.builds.inheritance import Start, difference_in_origin
from buildstate_api.tables import BuildRow
from buildstate_core.errors import Conflict
from buildstate_core.models import BuildCreate, BuildDerive

_TRAITS: Final = ("version", "platform", "os", "image_type")
_MAX_SHOWN: Final = 80


def traits_said(wanted: BuildCreate | BuildDerive) -> Mapping[str, str]:
    """Return what a request itself says of its build: version, platform, OS, image type."""
    return wanted.model_dump(include=set(_TRAITS), exclude_none=True)


def check_same(
    existing: BuildRow, said: Mapping[str, str], start: Start | None, parent: BuildRow | None
) -> None:
    """Refuse the existing build with the wanted key if it is another one than the request says.

    What a request leaves out fits any build, and what a build leaves open fits any request.

    Args:
        existing: The build.
        said: What the request says of it; see `traits_said`.
        start: Where the request wants it to start; `None`: not said.
        parent: The build that this names.

    Raises:
        Conflict: It differs; the message has both values of all that does.
    """
    differences = {
        name: f"its {name.replace('_', ' ')} is {_shown(recorded)}, not {_shown(value)}"
        for name, value in said.items()
        if (recorded := getattr(existing, name)) not in {None, value}
    }
    if start is not None and parent is not None:
        differences |= difference_in_origin(existing, parent, start)
    if not differences:
        return
    raise Conflict(
        f"Build {existing.number} has the key {_shown(existing.key)} already, and is another one:"
        f" {'; '.join(differences.values())}.",
        code="another-build",
        field=next(iter(differences)),
        hint=f"Give the one that you mean a key of its own. If it is build {existing.number},"
        " say of it what is recorded, or leave that out; a restart begins it anew.",
    )


def added(existing: BuildRow, said: Mapping[str, str]) -> Mapping[str, str]:
    """Return what a request is the first to say of an existing build.

    It is recorded, since otherwise the next two requests could say two different things.
    """
    return {name: value for name, value in said.items() if getattr(existing, name) is None}


def _shown(value: str) -> str:
    return repr(value if len(value) <= _MAX_SHOWN else f"{value[:_MAX_SHOWN]}…")
