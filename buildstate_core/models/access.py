"""Problems, keys, events, health and pages."""

from typing import Any, Generic, TypeVar
from uuid import UUID

from buildstate_core.models.base import Request, Resource, Time, Word


class Problem(Resource):
    """An error, as RFC 9457 has it. `type` and `error` are stable; `detail` says what to do.

    `type` names the cause; `error` names the class, of which there are few (`stale-claim`).
    """

    type: str
    error: str | None = None  # a proxy's problem has none
    title: str
    status: int
    detail: str
    field: str | None = None
    hint: str | None = None
    holder: str | None = None
    until: Time | None = None
    state: int | None = None
    reason: str | None = None


class KeyCreate(Request):
    """A new API key."""

    name: Word


class Key(Resource):
    """An API key, without its secret."""

    id: UUID
    name: str
    prefix: str
    created_at: Time
    last_used_at: Time | None
    revoked_at: Time | None


class NewKey(Key):
    """A new API key; the only time that `key` is shown."""

    key: str


class Event(Resource):
    """One change of a build, from the outbox."""

    id: int
    build: int | None
    type: str
    at: Time
    data: dict[str, Any]


class Health(Resource):
    """Whether the service can work."""

    status: str
    version: str


Item = TypeVar("Item")


class Page(Resource, Generic[Item]):
    """One page of a list; `next_cursor` gets the next one, and is null on the last."""

    items: tuple[Item, ...]
    next_cursor: str | None = None
