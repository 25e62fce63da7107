"""Where an artifact is put: a project's storage, as a folder or as a template.

    s3://builds                                  a folder: what follows is ours to choose
    s3://builds/{project}/{build}/{attempt}/{name}            a template: every part is said

Standard library only, so that the service can check what a worker will use.
"""

import re
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from buildstate_core.vocabulary import MAX_STATE

FIELDS: Final = ("project", "build", "state", "lane", "attempt", "name")
_NEEDED: Final = ("attempt", "name")
_TRUNK: Final = "trunk"
_STEP_UP: Final = frozenset({"..", "%2e%2e"})
_SEGMENT: Final = r"[^/]+"
_LOOKS_LIKE: Final = {
    "build": r" *[0-9]+",
    "state": r" *[0-9]+",
    "attempt": r"(?:pushed-|adopted-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}
"""What the values of a template look like in a URI; the attempt is what makes it ours."""
_NUMBERS: Final = frozenset({"build", "state"})
"""A template may write these twice in different ways."""

_FOLDER: Final = "{build}/state-{state:02d}/{attempt}/{name}"
_FOLDER_OF_LANE: Final = "{build}/state-{state:02d}/{lane}/{attempt}/{name}"


def check_location(location: str) -> None:
    """Make sure that a storage, if it is a template, can be filled in, and is the attempt's own.

    Raises:
        ValueError: It cannot; the message says what is wrong with it.
    """
    if not is_template(location):
        return
    named = _fields(location)
    unknown = [name for name in named if name not in FIELDS]
    if unknown:
        raise ValueError(
            f"{{{unknown[0]}}} is not known; a template may have"
            f" {', '.join(f'{{{name}}}' for name in FIELDS)}"
        )
    missing = [name for name in _NEEDED if name not in named]
    if missing:
        raise ValueError(
            f"the template lacks {{{missing[0]}}}, without which two uploads could meet"
        )
    if not root_of(location):
        raise ValueError("the template has to begin with a storage, such as s3://bucket/")
    try:
        _fill(location, project="p", build=1, state=MAX_STATE, lane="", attempt="a", name="n")
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise ValueError(f"the template cannot be filled in: {error}") from error


def is_template(location: str) -> bool:
    """Whether a storage says every part of an artifact's URI."""
    return "{" in location or "}" in location


def root_of(location: str) -> str:
    """Give what all artifacts of a storage begin with: a folder, without the last slash.

    >>> root_of("s3://builds/{project}-images/{attempt}/{name}"), root_of("file:///srv/images/")
    ('s3://builds', 'file:///srv/images')
    """
    if not is_template(location):
        return location.rstrip("/")
    before = location.partition("{")[0]
    scheme, mark, rest = before.partition("://")
    if not mark:
        return before.rpartition("/")[0]
    folder = rest.rpartition("/")[0]
    return f"{scheme}://{folder}" if folder else ""


def uri_of(
    location: str, *, project: str, build: int, state: int, lane: str, attempt: str, name: str
) -> str:
    """Give the URI of one artifact, which no other attempt and no other name has.

    Args:
        location: A storage, as a folder or as a template that `check_location` has let pass.
        project: The project's name.
        build: The build's number.
        state: The state's code.
        lane: The lane; the trunk's empty name becomes `trunk` in a template.
        attempt: The attempt's id.
        name: The artifact's name.

    >>> of = dict(project="rhel", build=7, state=5, lane="", attempt="0198", name="image.raw")
    >>> uri_of("s3://builds", **of), uri_of("s3://b/{project}/{state:03d}/{attempt}/{name}", **of)
    ('s3://builds/7/state-05/0198/image.raw', 's3://b/rhel/005/0198/image.raw')
    """
    template = location
    if not is_template(location):
        template = f"{location.rstrip('/')}/{_FOLDER_OF_LANE if lane else _FOLDER}"
    return _fill(
        template,
        project=project,
        build=build,
        state=state,
        lane=lane or _TRUNK,
        attempt=attempt,
        name=name,
    )


def is_allowed(uri: str, places: Iterable[str]) -> bool:
    """Whether an artifact's URI lies in one of some places: folders.

    A place is a folder also without a slash at its end: `s3://vault` is not `s3://vault-public`.
    A path that steps up again begins like one that is allowed, and lies somewhere else.

    >>> is_allowed("s3://vault/a", ["s3://vault"]), is_allowed("s3://vault-public/a", ["s3://vault"])
    (True, False)
    """
    if _STEP_UP & {part.lower() for part in uri.split("/")}:
        return False
    return any(uri.startswith(f"{each.rstrip('/')}/") for each in places)


@dataclass(frozen=True)
class Made:
    """What the URI of an artifact says of it.

    Attributes:
        attempt: The attempt's id, or `pushed-` or `adopted-` and an id that nothing else has.
        name: The artifact's name.
        build: The build's number. `None`: the template does not say it.
    """

    attempt: str
    name: str
    build: int | None


def made_from(location: str, uri: str) -> bool:
    """Whether a storage could have given this URI to an artifact, so that it is ours to remove.

    Args:
        location: A storage, as a folder or as a template that `check_location` has let pass.
        uri: What a listing of it found.

    >>> id = "0198a8c5-7d3e-7000-8000-000000000000"
    >>> made_from("s3://b", f"s3://b/7/state-05/{id}/image.raw"), made_from("s3://b", "s3://b/a")
    (True, False)
    """
    return read_back(location, uri) is not None


def read_back(location: str, uri: str) -> Made | None:
    """Give what an artifact's URI says of it; `None` if this storage cannot have given it.

    Args:
        location: As in `made_from`.
        uri: As in `made_from`. A file may be spelled otherwise than its storage is.
    """
    if is_template(location):
        templates = [location]
    else:
        folder = location.rstrip("/")
        templates = [f"{folder}/{_FOLDER}", f"{folder}/{_FOLDER_OF_LANE}"]
    plain = _plain(uri)
    for each in templates:
        found = _pattern(_plain(each)).fullmatch(plain)
        if found is not None:
            said = found.groupdict()
            build = said.get("build")
            return Made(said["attempt"], said["name"], None if build is None else int(build))
    return None


def _plain(text: str) -> str:
    """Give a local file's path, however it is spelled; anything else as it is."""
    if not text.startswith("file:"):
        return text
    rest = text.removeprefix("file:")
    if rest.startswith("//"):
        rest = f"/{rest.removeprefix('//').partition('/')[2]}"
    # As a file system has it: names that are no text are kept by surrogates.
    return unquote(rest, errors="surrogateescape")


def _pattern(template: str) -> re.Pattern[str]:
    parts: list[str] = []
    named: set[str] = set()
    for text, name, _, _ in string.Formatter().parse(template):
        parts.append(re.escape(text))
        if name in named:
            parts.append(f"(?P={name})" if name not in _NUMBERS else _LOOKS_LIKE[name])
        elif name is not None:
            named.add(name)
            parts.append(f"(?P<{name}>{_LOOKS_LIKE.get(name, _SEGMENT)})")
    return re.compile("".join(parts))


def _fill(template: str, **values: str | int) -> str:
    return string.Formatter().vformat(template, (), values)


def _fields(template: str) -> list[str]:
    try:
        return [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise ValueError(f"the template cannot be read: {error}") from error
