"""`bldst artifact create`: record what is somewhere already. No byte is moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from buildstate_cli import times
from buildstate_cli.artifact import view as artifacts
from buildstate_cli.artifact.storage_flags import artifact_kind, file_name, inferred_type
from buildstate_cli.connection import connect
from buildstate_cli.options import Format
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_cli.validation import build_reference, checked, pairs
from buildstate_core.errors import InvalidInput
from buildstate_core.models import ArtifactCreate, ArtifactRecord
from buildstate_core.vocabulary import ArtifactKind
from buildstate_worker.handles import Probes

_FLAGS: Final = {
    "uri": "--uri",
    "size_bytes": "--size",
    "state": "STATE",
    "metadata": "--metadata",
    "expires_at": "--expires",
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """Which milestone an artifact is of.

    Attributes:
        build: As typed.
        token: That of a live claim on it.
    """

    build: str
    state: int
    lane: str
    token: str | None


def create(
    session: Session,
    output: Format,
    target: Target,
    *,
    uri: str | None,
    metadata: Sequence[str],
    expires: str | None,
    **values: object,
) -> None:
    """Record an artifact that is somewhere already, and print it."""
    reference = build_reference(target.build)
    facts = {
        **values,
        "uri": uri,
        "name": values["name"] or (file_name(uri) if uri else None),
        "metadata": pairs(metadata, flag="--metadata") or None,
        "expires_at": times.moment(expires, flag="--expires"),
    }
    facts |= _kind_of(uri, facts)
    wanted = Probes(session.settings.probes).identified(request(target, facts))
    with connect(session) as client:
        show(client.create_artifact(reference, wanted), output, artifacts.one)


def request(target: Target, record: ArtifactRecord | dict[str, object]) -> ArtifactCreate:
    """Return the request that records an artifact of a milestone.

    Raises:
        InvalidInput: A value is wrong. The message names the option.
    """
    facts = record.model_dump(exclude_unset=True) if isinstance(record, ArtifactRecord) else record
    where = {"state": target.state, "lane": target.lane, "token": target.token}
    return checked(ArtifactCreate, {**facts, **where}, flags=_FLAGS)


def _kind_of(uri: str | None, facts: dict[str, object]) -> dict[str, object]:
    """Return the kind and the storage: what was typed, else what the URI tells.

    Raises:
        InvalidInput: It does not tell them.
    """
    if facts["kind"] == ArtifactKind.VALUE:
        return {"storage_type": facts["storage_type"] or "value"}
    if uri is None:
        raise InvalidInput(
            "--uri is missing; say where the artifact is.",
            field="--uri",
            hint="A small JSON value has none: --kind value --metadata value=…",
        )
    storage_type = str(facts["storage_type"] or inferred_type(uri, flag=_FLAGS["uri"]))
    return {
        "storage_type": storage_type,
        "kind": facts["kind"] or artifact_kind(storage_type, uri, flag=_FLAGS["uri"]),
    }
