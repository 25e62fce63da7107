"""Where an artifact is put: a project's storage, as a folder or as a template.

    s3://builds                                  a folder: what follows is ours to choose
    s3://builds/{project}/{build}/{attempt}/{name}            a template: it names every part

URIs are compared in their canonical form, since a file has many spellings.
Standard library only, so that the service can check what a worker will use.
"""

import posixpath
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote
from uuid import UUID, uuid4

from buildstate_core.vocabulary import TRUNK_IN_WORDS

ARTIFACT_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
"""The pattern of an artifact's name, which is one part of its URI and of a path in a workspace."""

FIELDS: Final = ("project", "build", "state", "lane", "attempt", "name")
_NEEDED: Final = ("attempt", "name")
_STORAGE: Final = re.compile(r"/|file:///|(?!file:)[a-z][a-z0-9+.-]*://[^\s/]")
_SEGMENT: Final = r"[^/]+"
_ID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LOOKS_LIKE: Final = {
    "build": r" *[0-9]+",
    "state": r" *[0-9]+",
    "attempt": rf"(?:(?:pushed|adopted)-{_ID}(?:-[0-9a-f]{{32}})?|{_ID})",
}
"""What the values of a template look like in a URI; the attempt is what makes it ours."""
_OWNED: Final = re.compile(rf"({_ID})|(?:pushed|adopted)-({_ID})-[0-9a-f]{{32}}")
_NUMBERS: Final = frozenset({"build", "state"})
"""A template may write these twice in different ways."""

_HERE: Final = frozenset({"", "localhost"})
_EXAMPLES: Final = {
    "s3": "s3://bucket/key",
    "gs": "gs://bucket/name",
    "az": "az://container/name",
    "sftp": "sftp://user@host/absolute/path",
}
"""What an object is called in the storages that tell it from what it lies in."""
_ON_A_HOST: Final = frozenset({"ftp", "ftps", "http", "https", "sftp", "smb", "ssh"})
"""What follows `://` is a host, in any case. Elsewhere it is a bucket, letter by letter."""
_OF_FOLDERS: Final = frozenset({"sftp", "ssh"})
"""The path is one of a POSIX system, and is not percent-encoded."""
_URI: Final = re.compile(
    r"([A-Za-z][A-Za-z0-9+.-]*):(?:(//)(?:([^/?#]*)@)?([^/?#]*))?(.*)", re.DOTALL
)

_WIDTH: Final = re.compile(r"0?[0-9]{0,2}d?")

_FOLDER: Final = "{build}/state-{state:02d}/{attempt}/{name}"
_FOLDER_OF_LANE: Final = "{build}/state-{state:02d}/{lane}/{attempt}/{name}"


def is_artifact_name(text: str) -> bool:
    """Return whether an artifact can have this name.

    >>> is_artifact_name("image.qcow2"), is_artifact_name("my image"), is_artifact_name(".cache")
    (True, False, False)
    """
    return re.fullmatch(ARTIFACT_NAME, text) is not None


def check_location(location: str) -> None:
    """Check that a text is a storage: a folder, or a template whose URIs no two attempts share.

    Raises:
        ValueError: It is not; the message says what is wrong with it.
    """
    _check_storage(location)
    if not is_template(location):
        return
    fields = _fields(location)
    for each in fields:
        _check_field(each)
    named = {each.name for each in fields}
    missing = [name for name in _NEEDED if name not in named]
    if missing:
        raise ValueError(
            f"the template lacks {{{missing[0]}}}, without which two uploads could meet"
        )
    if not root_of(location):
        raise ValueError("the template has to begin with a storage, such as s3://bucket/")


def check_place(place: str) -> None:
    """Check that a text names a storage or a folder in one.

    Raises:
        ValueError: It does not; the message says what is wrong with it.
    """
    _check_storage(place)
    if is_template(place):
        raise ValueError("a place is a folder; it has no {fields} as a template has")


def check_object(uri: str) -> None:
    """Check that a URI can name an object, so that it can be looked for and removed.

    Raises:
        ValueError: It names no more than a storage, or a file of another machine.
    """
    scheme, mark, rest = uri.partition("://")
    scheme = scheme.lower()
    holder, _, key = rest.partition("/")
    if scheme == "file" and mark:
        if canonical(uri) == "file:///" or _local(uri) is None:
            raise ValueError("it names no file on a worker; use file:///absolute/path")
    elif scheme in _EXAMPLES:
        if not holder or not key.strip("/"):
            raise ValueError(f"it names no object; use {_EXAMPLES[scheme]}")
    elif mark and not rest.strip("/"):
        raise ValueError(f"it names nothing; say what is meant after {scheme}://")


def is_template(location: str) -> bool:
    """Return whether a storage is a template, and not a folder."""
    return "{" in location or "}" in location


def root_of(location: str) -> str:
    """Return the folder that all URIs of a storage begin with, without a slash at its end.

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
    """Return the URI of one artifact, unique to its attempt and its name.

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
        lane=lane or TRUNK_IN_WORDS,
        attempt=attempt,
        name=name,
    )


def canonical(uri: str) -> str:
    """Return the canonical form of an artifact's URI, the same for all its spellings.

    It is for comparing blobs' URIs, not for opening them: an id that begins with a slash is taken
    for a path. Two URIs with the same canonical form are the same object on one worker, unless a
    `..` follows a link. Two with different forms are different objects as far as the text tells:
    links, second mounts and second names of a server are not seen. Only the text is looked at,
    nothing is refused, and a canonical form is its own canonical form.

    - A local file, as a bare path or by `file:`, is `file:///…`: decoded, without `.`, `..`,
      doubled slashes and a slash at its end, and encoded again. A bare path is taken literally,
      as when it is opened: `%20` in it is three characters.
    - `sftp://`: the path likewise, but without decoding.
    - Schemes, and hosts where there is one, are in lower case. Buckets, containers, keys and ids
      are not changed: to their storages `a//b`, `a/b` and `a%2Fb` are three different keys.

    >>> canonical("/srv//images/./a b.raw"), canonical("FILE://localhost/srv/images/a%20b.raw")
    ('file:///srv/images/a%20b.raw', 'file:///srv/images/a%20b.raw')
    >>> canonical("SFTP://me@NAS/srv//a%20b"), canonical("S3://Builds//a%20b")
    ('sftp://me@nas/srv/a%20b', 's3://Builds//a%20b')
    """
    path = _local(uri)
    if path is not None:
        return f"file://{quote(_shortest(path), errors='surrogateescape')}"
    parts = _URI.fullmatch(uri)
    if parts is None:
        return uri
    scheme, slashes, user, host, path = (each or "" for each in parts.groups())
    scheme = scheme.lower()
    if scheme in _ON_A_HOST:
        host = host.lower()
    if scheme in _OF_FOLDERS and path:
        path = _shortest(path)
    return f"{scheme}:{slashes}{user}{'@' if user else ''}{host}{path}"


def upload_of(build: UUID, how: str) -> str:
    """Return a new id in the place of an attempt's, for what a person pushed or adopted.

    Nothing else has it, and by the build's id it is known as this service's own.
    """
    return f"{how}-{build}-{uuid4().hex}"


def is_allowed(uri: str, places: Iterable[str]) -> bool:
    """Return whether an artifact's URI lies in one of these folders.

    A place is a folder also without a slash at its end: `s3://vault` is not `s3://vault-public`.
    A path that steps up again begins like one that is allowed, and lies somewhere else; so it is
    in none, however the dots are written.

    >>> is_allowed("s3://vault/a", ["s3://vault"]), is_allowed("s3://vault-public/a", ["s3://vault"])
    (True, False)
    >>> is_allowed("/srv/vault/a", ["file:///srv/vault/"])
    True
    """
    if _steps_up(uri):
        return False
    plain = canonical(uri)
    return any(plain.startswith(f"{canonical(each).rstrip('/')}/") for each in places)


@dataclass(frozen=True)
class Made:
    """What the URI of an artifact says of it.

    Attributes:
        attempt: The attempt's id, or what `upload_of` has given.
        name: The artifact's name.
        build: The build's number. `None`: the template does not say it.
    """

    attempt: str
    name: str
    build: int | None

    @property
    def owner(self) -> str | None:
        """The id of the attempt or the build that made it; older releases did not say the build."""
        found = _OWNED.fullmatch(self.attempt)
        return None if found is None else found[1] or found[2]


def read_back(location: str, uri: str, *, is_temp: bool = False) -> Made | None:
    """Return what a URI says of its artifact; `None` if it was not made for this storage.

    Args:
        location: A storage, as a folder or as a template that `check_location` has let pass.
        uri: As a listing gave it. A file may be spelled differently from its storage.
        is_temp: Whether it ends in a temporary name, beside what it was to become.

    >>> id = "0198a8c5-7d3e-7000-8000-000000000000"
    >>> read_back("s3://b", f"s3://b/7/state-05/{id}/image.raw").build, read_back("s3://b", "s3://b/a")
    (7, None)
    """
    if is_template(location):
        templates = [location]
    else:
        folder = location.rstrip("/")
        templates = [f"{folder}/{_FOLDER}", f"{folder}/{_FOLDER_OF_LANE}"]
    if is_temp:
        folders = [each.rpartition("/")[0] for each in templates]
        templates = [f"{each}/{{name}}" for each in folders if _has_attempt(each)]
    plain = _plain(uri)
    for each in templates:
        found = _pattern(_plain(each)).fullmatch(plain)
        if found is not None:
            said = found.groupdict()
            build = said.get("build")
            return Made(said["attempt"], said["name"], None if build is None else int(build))
    return None


def _has_attempt(template: str) -> bool:
    return any(each.name == "attempt" for each in _fields(template))


def _check_storage(text: str) -> None:
    if not _STORAGE.match(text):
        raise ValueError(
            f"{text!r} is no storage; use a URL such as s3://bucket/prefix or file:///folder"
        )


def _steps_up(uri: str) -> bool:
    """Return whether a part of a path is `..`, even if a storage decodes it more than once."""
    decoded = uri
    while (further := unquote(decoded)) != decoded:
        decoded = further
    return ".." in re.split(r"[/\\]", decoded)


def _plain(text: str) -> str:
    """Return the path of a local file, however it is spelled; any other text unchanged."""
    path = _local(text)
    return text if path is None else path


def _local(uri: str) -> str | None:
    """Return the path of a file on this machine; `None` if it is something else."""
    if uri.startswith("/"):
        return uri
    scheme, _, rest = uri.partition(":")
    host, slash, path = rest.removeprefix("//").partition("/")
    if scheme.lower() != "file" or host.lower() not in _HERE or not slash:
        return None
    # As a file system has it: names that are no text are kept by surrogates.
    return f"/{unquote(path, errors='surrogateescape')}"


def _shortest(path: str) -> str:
    # POSIX keeps two slashes at the beginning; Linux does not mind them.
    return posixpath.normpath(f"/{path.lstrip('/')}")


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


@dataclass(frozen=True)
class _Field:
    name: str
    width: str
    conversion: str | None


def _fields(template: str) -> list[_Field]:
    try:
        return [
            _Field(name, width or "", conversion)
            for _, name, width, conversion in string.Formatter().parse(template)
            if name is not None
        ]
    except ValueError as error:
        raise ValueError(f"the template cannot be read: {error}") from error


def _check_field(field: _Field) -> None:
    """Refuse what would cut a value, so that two uploads meet, or make it endlessly long."""
    if field.name not in FIELDS:
        raise ValueError(
            f"{{{field.name}}} is not known; a template may have"
            f" {', '.join(f'{{{name}}}' for name in FIELDS)}"
        )
    if field.conversion is not None or (field.width and field.name not in _NUMBERS):
        raise ValueError(
            f"{{{field.name}}} is inserted unchanged; write nothing else in its braces"
        )
    if not _WIDTH.fullmatch(field.width):
        raise ValueError(
            f"{{{field.name}}} can only have a width of one or two digits, as in"
            f" {{{field.name}:03d}}"
        )
