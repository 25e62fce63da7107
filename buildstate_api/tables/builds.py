"""Builds, their attempts, and the artifacts of these."""

from datetime import datetime
from typing import Any, Final
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
    Sequence,
    SmallInteger,
    UniqueConstraint,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from buildstate_api.tables.base import Base, one_of
from buildstate_api.tables.projects import CatalogRow, ProjectRow
from buildstate_core.vocabulary import (
    ArtifactKind,
    ArtifactStatus,
    AttemptStatus,
    BuildStatus,
    Kind,
    Sensitivity,
)


class BuildRow(Base):
    """One image on its way from 0 to 100.

    Where it stands is derived from its attempts (`buildstate_core.rules.progress`) and kept here
    in the same transaction, so that lists can filter and sort.
    """

    __tablename__ = "builds"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="builds_pkey"),
        UniqueConstraint("number", name="builds_number_key"),
        ForeignKeyConstraint(
            ["project_id", "catalog_version"],
            ["catalog_versions.project_id", "catalog_versions.version"],
            name="builds_catalog_fkey",
        ),
        # Deferred, since the old build must give its key away before the new one can have it.
        ForeignKeyConstraint(
            ["superseded_by"],
            ["builds.id"],
            name="builds_superseded_by_fkey",
            deferrable=True,
            initially="DEFERRED",
        ),
        # A parent stays as long as a build that started from it.
        ForeignKeyConstraint(["derived_from"], ["builds.id"], name="builds_derived_from_fkey"),
        CheckConstraint(
            "num_nulls(derived_from, derived_state, derived_lane) IN (0, 3)",
            name="builds_derived_check",
        ),
        CheckConstraint(one_of("status", BuildStatus), name="builds_status_check"),
        # Lists are by number, with one filter, or of a project with one more.
        Index("builds_project_idx", "project_id", "number"),
        Index("builds_platform_idx", "platform", "number"),
        Index("builds_project_platform_idx", "project_id", "platform", "number"),
        Index("builds_key_idx", "key", "number"),
        Index(
            "builds_derived_from_idx",
            "derived_from",
            "number",
            postgresql_where=text("derived_from IS NOT NULL"),
        ),
        # Nearly all builds are delivered in the end, and found by going through them.
        Index(
            "builds_status_idx", "status", "number", postgresql_where=text("status <> 'completed'")
        ),
        Index(
            "builds_project_status_idx",
            "project_id",
            "status",
            "number",
            postgresql_where=text("status <> 'completed'"),
        ),
        # Retention looks for the newest deliveries.
        Index(
            "builds_delivered_idx",
            "project_id",
            text("finished_at NULLS FIRST"),
            "number",
            postgresql_where=text("status = 'completed'"),
        ),
        Index(
            "builds_version_idx",
            "project_id",
            "version",
            postgresql_where=text("superseded_by IS NULL"),
        ),
        # Whoever removes a build asks whether it is another one's successor.
        Index(
            "builds_superseded_by_idx",
            "superseded_by",
            postgresql_where=text("superseded_by IS NOT NULL"),
        ),
        # The same key means the same build, until a restart supersedes it.
        Index(
            "builds_project_key_key",
            "project_id",
            "key",
            unique=True,
            postgresql_where=text("superseded_by IS NULL"),
        ),
    )

    id: Mapped[UUID]
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    project_id: Mapped[UUID]
    catalog_version: Mapped[int] = mapped_column(Integer)
    key: Mapped[str]
    version: Mapped[str | None]
    platform: Mapped[str | None]
    os: Mapped[str | None]
    image_type: Mapped[str | None]
    labels: Mapped[dict[str, Any]]
    superseded_by: Mapped[UUID | None]
    derived_from: Mapped[UUID | None]
    derived_state: Mapped[int | None] = mapped_column(SmallInteger)
    derived_lane: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default=BuildStatus.PENDING)
    current_state: Mapped[int | None] = mapped_column(SmallInteger)
    frontier: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    peak: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    active: Mapped[list[int]] = mapped_column(server_default="{}")
    resume_from: Mapped[int | None] = mapped_column(SmallInteger)
    lanes: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    failure: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]

    catalog: Mapped[CatalogRow] = relationship(viewonly=True, lazy="raise")
    project: Mapped[ProjectRow] = relationship(
        primaryjoin="foreign(BuildRow.project_id) == ProjectRow.id", viewonly=True, lazy="raise"
    )
    parent: Mapped["BuildRow | None"] = relationship(
        remote_side="BuildRow.id", foreign_keys="BuildRow.derived_from", viewonly=True, lazy="raise"
    )


DELIVERED: Final = BuildRow.status == literal_column(f"'{BuildStatus.COMPLETED}'")
UNDELIVERED: Final = BuildRow.status != literal_column(f"'{BuildStatus.COMPLETED}'")
"""What some indexes have of the builds.

A query that is to use them says so in these words: with the status among its values, PostgreSQL may
plan for any status, and then has no use for them.
"""


class AttemptRow(Base):
    """One try at a milestone. Never rewritten once it has ended.

    `lease_until` is set for attempts that a claim made, and null for plain reports. `as_of` is
    when the newest thing known about the attempt happened, and orders attempts.
    """

    __tablename__ = "build_states"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="build_states_pkey"),
        ForeignKeyConstraint(
            ["build_id"], ["builds.id"], name="build_states_build_fkey", ondelete="CASCADE"
        ),
        UniqueConstraint("build_id", "lane", "state", "number", name="build_states_number_key"),
        CheckConstraint("state BETWEEN 0 AND 100", name="build_states_state_check"),
        CheckConstraint(one_of("status", AttemptStatus), name="build_states_status_check"),
        CheckConstraint(f"kind IS NULL OR {one_of('kind', Kind)}", name="build_states_kind_check"),
        CheckConstraint(
            "num_nulls(token_hash, fence, lease_seconds, lease_until) IN (0, 4)",
            name="build_states_claim_check",
        ),
        CheckConstraint(
            "(status IN ('pending', 'in_progress')) = (ended_at IS NULL)",
            name="build_states_ended_check",
        ),
        # At most one live attempt at a milestone, whatever else goes wrong.
        Index(
            "build_states_live_key",
            "build_id",
            "lane",
            "state",
            unique=True,
            postgresql_where=text("status IN ('pending', 'in_progress')"),
        ),
        # The sweeper looks for leases that ran out.
        Index(
            "build_states_lease_idx",
            "lease_until",
            postgresql_where=text("status = 'in_progress' AND lease_until IS NOT NULL"),
        ),
        # A job looks for what has ended and may have to be resumed.
        Index(
            "build_states_unconsidered_idx",
            "build_id",
            postgresql_where=text("status IN ('lost', 'failed') AND resume_considered_at IS NULL"),
        ),
    )

    id: Mapped[UUID]
    build_id: Mapped[UUID] = mapped_column()
    lane: Mapped[str]
    state: Mapped[int] = mapped_column(SmallInteger)
    number: Mapped[int] = mapped_column(Integer)
    status: Mapped[str]
    kind: Mapped[str | None]
    reason: Mapped[str | None]
    message: Mapped[str | None]
    worker: Mapped[str | None]
    as_of: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    fence: Mapped[int | None] = mapped_column(BigInteger)
    lease_seconds: Mapped[int | None] = mapped_column(Integer)
    lease_until: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    fingerprint: Mapped[dict[str, Any]]
    # The digest of the step that it repeats unchanged.
    identity: Mapped[str | None]
    compared_with: Mapped[UUID | None]
    # The number of the build that made it, for builds that inherit it; queries must undefer it.
    build_number: Mapped[int] = column_property(
        select(BuildRow.number).where(BuildRow.id == build_id).scalar_subquery(),
        deferred=True,
        raiseload=True,
    )
    orchestrator: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    # What its worker was transferring at `heartbeat_at`.
    transfer: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    # The artifacts that its claim was given to continue from.
    restored: Mapped[list[UUID]] = mapped_column(server_default="{}")
    # When a job decided whether its end asks for a resume; null until then.
    resume_considered_at: Mapped[datetime | None]

    artifacts: Mapped[list["ArtifactRow"]] = relationship(
        order_by="ArtifactRow.name", lazy="raise", back_populates="attempt"
    )


class ReadsRow(Base):
    """What an attempt was seen to read.

    In a table of its own: it may be a megabyte, and only the answer that skips it needs it.
    """

    __tablename__ = "attempt_reads"
    __table_args__ = (
        PrimaryKeyConstraint("attempt_id", name="attempt_reads_pkey"),
        ForeignKeyConstraint(
            ["attempt_id"],
            ["build_states.id"],
            name="attempt_reads_attempt_fkey",
            ondelete="CASCADE",
        ),
    )

    attempt_id: Mapped[UUID]
    reads: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class InheritedAttemptRow(Base):
    """An attempt of another build that a derived build starts from.

    The foreign key keeps it, and so its artifacts, as long as the derived build is there.
    """

    __tablename__ = "inherited_attempts"
    __table_args__ = (
        PrimaryKeyConstraint("build_id", "attempt_id", name="inherited_attempts_pkey"),
        ForeignKeyConstraint(
            ["build_id"], ["builds.id"], name="inherited_attempts_build_fkey", ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["attempt_id"], ["build_states.id"], name="inherited_attempts_attempt_fkey"
        ),
        Index("inherited_attempts_attempt_idx", "attempt_id"),
    )

    build_id: Mapped[UUID]
    attempt_id: Mapped[UUID]


fences = Sequence("fences", metadata=Base.metadata)
"""Rises with every claim of the installation: a fence is higher than every one before it."""


class ArtifactRow(Base):
    """What a milestone produced."""

    __tablename__ = "artifacts"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="artifacts_pkey"),
        UniqueConstraint("attempt_id", "name", name="artifacts_attempt_name_key"),
        CheckConstraint("size_bytes >= 0", name="artifacts_size_check"),
        CheckConstraint(one_of("kind", ArtifactKind), name="artifacts_kind_check"),
        CheckConstraint(one_of("status", ArtifactStatus), name="artifacts_status_check"),
        CheckConstraint(one_of("sensitivity", Sensitivity), name="artifacts_sensitivity_check"),
        CheckConstraint(
            "num_nulls(marked_at, marked_because, removable_at) IN (0, 3)",
            name="artifacts_marked_check",
        ),
        # What is held is never marked.
        CheckConstraint("hold IS NULL OR marked_at IS NULL", name="artifacts_hold_check"),
        CheckConstraint(
            "(status = 'deleted') = (removed_at IS NOT NULL)", name="artifacts_removed_check"
        ),
        # Workers look for what they may remove, for a digest, and for the artifact of an object.
        Index(
            "artifacts_removable_idx",
            "id",
            postgresql_where=text("marked_at IS NOT NULL AND removed_at IS NULL"),
        ),
        # The job of retention looks for what has expired by itself.
        Index(
            "artifacts_expires_idx",
            "expires_at",
            postgresql_where=text("expires_at IS NOT NULL AND marked_at IS NULL"),
        ),
        Index("artifacts_checksum_idx", "checksum", "id"),
        Index(
            "artifacts_status_idx", "status", "id", postgresql_where=text("status <> 'available'")
        ),
        Index("artifacts_object_idx", "object_uri", postgresql_using="hash"),
        Index("artifacts_build_idx", "build_id"),
    )

    id: Mapped[UUID]
    build_id: Mapped[UUID] = mapped_column(
        ForeignKey("builds.id", name="artifacts_build_fkey", ondelete="CASCADE")
    )
    attempt_id: Mapped[UUID] = mapped_column(
        ForeignKey("build_states.id", name="artifacts_attempt_fkey", ondelete="CASCADE")
    )
    name: Mapped[str]
    kind: Mapped[str]
    storage_type: Mapped[str]
    uri: Mapped[str | None]
    # One spelling for each object, however its URI was written.
    object_uri: Mapped[str | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    checksum: Mapped[str | None]
    format: Mapped[str | None]
    compression: Mapped[str | None]
    metadata_: Mapped[dict[str, Any]] = mapped_column("metadata")
    status: Mapped[str] = mapped_column(server_default=ArtifactStatus.AVAILABLE)
    status_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    # What is stored in place of its bytes, if they are compressed.
    packed: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    sensitivity: Mapped[str] = mapped_column(server_default=Sensitivity.INTERNAL)
    hold: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    # Two steps: it is marked, then a worker that has the credentials removes its bytes.
    marked_at: Mapped[datetime | None]
    marked_because: Mapped[str | None]
    removable_at: Mapped[datetime | None]
    removing_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    # The identity that a probe saw behind a handle when it was recorded.
    identity: Mapped[str | None]

    attempt: Mapped[AttemptRow] = relationship(lazy="raise", back_populates="artifacts")


UNAVAILABLE: Final = ArtifactRow.status != literal_column(f"'{ArtifactStatus.AVAILABLE}'")
"""What an index has of the artifacts by status; see `UNDELIVERED`."""
