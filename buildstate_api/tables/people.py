"""Access, and what people decide."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from buildstate_api.tables.base import Base, one_of
from buildstate_core.vocabulary import (
    InterventionKind,
)


class KeyRow(Base):
    """An API key. Its secret is random and long, so a plain digest of it is enough at rest."""

    __tablename__ = "api_keys"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="api_keys_pkey"),
        UniqueConstraint("secret_hash", name="api_keys_secret_hash_key"),
    )

    id: Mapped[UUID]
    name: Mapped[str]
    prefix: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class InterventionRow(Base):
    """What a person decided about a build: who, when and why. Never changed."""

    __tablename__ = "interventions"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="interventions_pkey"),
        ForeignKeyConstraint(
            ["build_id"], ["builds.id"], name="interventions_build_fkey", ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], name="interventions_api_key_fkey"),
        CheckConstraint(one_of("kind", InterventionKind), name="interventions_kind_check"),
        CheckConstraint("state BETWEEN 0 AND 100", name="interventions_state_check"),
        Index("interventions_build_idx", "build_id", "id"),
    )

    id: Mapped[UUID]
    build_id: Mapped[UUID]
    kind: Mapped[str]
    state: Mapped[int | None] = mapped_column(SmallInteger)
    lane: Mapped[str | None]
    artifact_id: Mapped[UUID | None]
    reason: Mapped[str]
    api_key_id: Mapped[UUID]
    at: Mapped[datetime]

    api_key: Mapped["KeyRow"] = relationship(lazy="raise")
