"""What a milestone returned, as it is recorded; and what was recorded, as it is returned again."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any, Final

from buildstate_core.errors import InvalidInput
from buildstate_core.locations import is_artifact_name
from buildstate_core.models import Artifact as RecordedArtifact
from buildstate_core.models import ArtifactRecord
from buildstate_core.vocabulary import ArtifactKind
from buildstate_flows.artifact import Artifact
from buildstate_flows.handle import Handle
from buildstate_worker.blobs import Blob, name_of
from buildstate_worker.storage_options import StorageOptions

NAMED: Final = "named"
"""In an artifact's metadata: it was one of several by name, even if it is the only one."""

_SINGLE: Final = "artifact"
_WHAT_TO_RETURN: Final = (
    "Return a pathlib.Path, a dict of them by name, a Handle, data that JSON can say, or None."
)


def outputs_of(
    value: Any, milestone: str, options: StorageOptions
) -> tuple[Blob | ArtifactRecord, ...]:
    """Return what is to be stored and recorded for a returned value.

    Args:
        value: What the function returned.
        milestone: Its name, for the error.
        options: How files are stored.

    Raises:
        InvalidInput: It is nothing that can be recorded.
    """
    if value is None:
        return ()
    if isinstance(value, Handle):
        return (value.to_record(_SINGLE),)
    if isinstance(value, Path | Artifact):
        path = Path(value).absolute()
        name, place = name_of(path), PurePosixPath(path.name)
        return (Blob(name=name, path=path, place=place, **asdict(options)),)
    if isinstance(value, dict) and any(
        isinstance(each, Path | Artifact) for each in value.values()
    ):
        return _named_blobs(value, milestone, options)
    return (_value(value, milestone),)


def stand_in(milestone: str, options: StorageOptions) -> Blob:
    """Return a blob in place of those that a milestone may return, to check where they may go."""
    return Blob(name=name_of(Path(milestone)), path=Path(), **asdict(options))


def value_of(
    records: Sequence[RecordedArtifact], lazy: Callable[[RecordedArtifact], Artifact | Handle]
) -> Any:
    """Return what a milestone returned, from what was recorded of it.

    Args:
        records: The artifacts that it left.
        lazy: Returns the artifact, or the handle, of a record.
    """
    values = {
        each.name: each.metadata.get("value") if each.kind is ArtifactKind.VALUE else lazy(each)
        for each in records
    }
    if not records:
        return None
    if len(records) == 1 and not is_named(records[0]):
        return values[records[0].name]
    return values


def is_named(record: RecordedArtifact) -> bool:
    """Return whether it was one of several by name."""
    return record.metadata.get(NAMED) is True


def _named_blobs(
    value: dict[Any, Any], milestone: str, options: StorageOptions
) -> tuple[Blob, ...]:
    blobs = []
    for name, each in value.items():
        if not isinstance(each, Path | Artifact):
            raise InvalidInput(
                f"The milestone {milestone} returned a dict of paths in which {name!r} is"
                f" {_article(each)}.",
                code="bad-result",
                hint="Let all of it be paths, or none.",
            )
        if not isinstance(name, str) or not is_artifact_name(name):
            raise InvalidInput(
                f"The milestone {milestone} returned a path by the name {name!r}.",
                code="bad-result",
                hint="A name is of letters, digits, dots, dashes and underscores, 128 at most.",
            )
        path = Path(each).absolute()
        blobs.append(
            Blob(
                name=name,
                path=path,
                place=PurePosixPath(path.name),
                metadata={NAMED: True},
                **asdict(options),
            )
        )
    return tuple(blobs)


def _value(value: Any, milestone: str) -> ArtifactRecord:
    try:
        # Once through JSON: a rerun that skips it gets exactly what the first run did.
        plain = json.loads(json.dumps(value, allow_nan=False))
        return ArtifactRecord(
            name=_SINGLE,
            kind=ArtifactKind.VALUE,
            storage_type="value",
            metadata={"value": plain},
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            f"The milestone {milestone} returned {_article(value)} that cannot be recorded.",
            code="bad-result",
            hint=_WHAT_TO_RETURN,
        ) from error


def _article(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
