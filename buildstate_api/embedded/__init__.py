"""A PostgreSQL of one's own on a data folder, for those who do not run one.

The server outlives the process that started it, listens on no network address, and never runs
as root. Durability is PostgreSQL's own: what was committed survives a kill and a power cut.
"""

from buildstate_api.embedded.server import DATABASE, EmbeddedPostgres

__all__ = ["DATABASE", "EmbeddedPostgres"]
