"""Create, list and revoke API keys."""

from uuid import UUID

from buildstate_cli.connection import connect
from buildstate_cli.key import view as keys
from buildstate_cli.options import Format
from buildstate_cli.output.messages import notice
from buildstate_cli.output.show import show
from buildstate_cli.session import Session
from buildstate_cli.validation import checked
from buildstate_core.errors import NotFound, Refused
from buildstate_core.models import KeyCreate
from buildstate_worker.client import Client


def create(session: Session, output: Format, name: str) -> None:
    """Create a key and print it; as a table the key alone, so that a shell can take it."""
    request = checked(KeyCreate, {"name": name})
    with connect(session) as client:
        key = client.create_key(request)
    if output is Format.TABLE:
        notice(f"Key {key.name} ({key.id}). It is shown this once; keep it in a safe place.")
    show(key, output, keys.secret)


def list_all(session: Session, output: Format) -> None:
    """Print all keys."""
    with connect(session) as client:
        show(list(client.list_keys()), output, keys.listing)


def revoke(session: Session, output: Format, key: str) -> None:
    """Revoke a key, and print what is left of it."""
    with connect(session) as client:
        show(client.revoke_key(_find(client, key)), output, keys.revoked)


def _find(client: Client, name_or_id: str) -> UUID:
    """Return the id of a key that is named by its id, or by its name if only one valid key has it.

    Raises:
        NotFound: There is none.
        Refused: Several have this name.
    """
    known = list(client.list_keys())
    if by_id := [each for each in known if str(each.id) == name_or_id.lower()]:
        return by_id[0].id
    named = [each for each in known if each.name == name_or_id]
    valid = [each for each in named if each.revoked_at is None]
    if len(valid) > 1:
        ids = "\n".join(f"{each.id}  made {each.created_at:%Y-%m-%d}" for each in valid)
        raise Refused(
            f'{len(valid)} keys are named "{name_or_id}"; none was revoked.',
            code="ambiguous-key",
            field="KEY",
            hint=f"Name one by its id:\n{ids}",
        )
    if not named:
        raise NotFound(
            f'There is no key with the name or id "{name_or_id}".',
            code="key-not-found",
            field="KEY",
            hint="To see what there is: bldst key list",
        )
    return (valid or named)[0].id
