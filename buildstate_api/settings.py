"""The settings of one copy of the service."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What the service is told when it starts.

    Attributes:
        database_url: A PostgreSQL connection URL, as libpq takes it (`postgresql://…`).
        max_body_bytes: The largest request body that is read.
        pool_size: Connections kept open for requests.
    """

    database_url: str
    max_body_bytes: int = 1024 * 1024
    pool_size: int = 10
