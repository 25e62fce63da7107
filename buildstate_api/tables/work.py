"""What the service does beside answering: events, repeated writes, requests to resume."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from buildstate_api.tables.base import Base, one_of
from buildstate_api.tables.builds import AttemptRow, BuildRow
from buildstate_core.vocabulary import (
    ResumeStatus,
)


class EventRow(Base):
    """One change, written in the transaction that made it: the outbox."""

    __tablename__ = "events"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="events_pkey"),
        Index("events_build_idx", "build_id", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    build_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("builds.id", name="events_build_fkey", ondelete="CASCADE")
    )
    type: Mapped[str]
    data: Mapped[dict[str, Any]]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class IdempotencyRow(Base):
    """The answer to a write, kept so that the same write repeated gets the same answer."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        PrimaryKeyConstraint("api_key_id", "key", name="idempotency_keys_pkey"),
        ForeignKeyConstraint(["api_key_id"], ["api_keys.id"], name="idempotency_keys_api_key_fkey"),
        Index("idempotency_keys_created_idx", "created_at"),
    )

    api_key_id: Mapped[UUID]
    key: Mapped[str]
    request_digest: Mapped[bytes] = mapped_column(LargeBinary)
    status_code: Mapped[int | None] = mapped_column(SmallInteger)
    answer: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ServiceClockRow(Base):
    """When some copy of the service was last alive: the one row that tells an outage."""

    __tablename__ = "service_clock"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="service_clock_pkey"),
        CheckConstraint("id = 1", name="service_clock_one_row_check"),
    )

    id: Mapped[int] = mapped_column(SmallInteger, autoincrement=False)
    last_seen_at: Mapped[datetime]


class ResumeRequestRow(Base):
    """A request to a build's orchestrator to go on, and how far it has come."""

    __tablename__ = "resume_requests"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="resume_requests_pkey"),
        ForeignKeyConstraint(
            ["build_id"], ["builds.id"], name="resume_requests_build_fkey", ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["attempt_id"],
            ["build_states.id"],
            name="resume_requests_attempt_fkey",
            ondelete="CASCADE",
        ),
        CheckConstraint(one_of("status", ResumeStatus), name="resume_requests_status_check"),
        # At most one open request for a build and lane: another asker gets that one.
        Index(
            "resume_requests_open_key",
            "build_id",
            "lane",
            unique=True,
            postgresql_where=text("status IN ('pending', 'sent', 'running')"),
        ),
        # Lists are of a build, or of a status.
        Index("resume_requests_build_idx", "build_id", "id"),
        Index("resume_requests_status_idx", "status", "id"),
        # The job looks for those that are due.
        Index(
            "resume_requests_due_idx",
            "next_try_at",
            postgresql_where=text("status IN ('pending', 'sent', 'running')"),
        ),
    )

    id: Mapped[UUID]
    build_id: Mapped[UUID]
    lane: Mapped[str]
    attempt_id: Mapped[UUID | None]
    status: Mapped[str] = mapped_column(server_default=ResumeStatus.PENDING)
    reason: Mapped[str]
    flow_run_id: Mapped[UUID]
    successor_id: Mapped[UUID | None]
    successor_name: Mapped[str | None]
    tries: Mapped[int] = mapped_column(Integer, server_default="0")
    next_try_at: Mapped[datetime | None] = mapped_column(server_default=func.now())
    message: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    build: Mapped[BuildRow] = relationship(lazy="raise", viewonly=True)
    attempt: Mapped[AttemptRow | None] = relationship(lazy="raise", viewonly=True)
