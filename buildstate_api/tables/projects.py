"""Projects and their catalogues."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    UniqueConstraint,
    false,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from buildstate_api.tables.base import Base, one_of
from buildstate_core.vocabulary import AutoResume, Compression, Trace


class ProjectRow(Base):
    """A line of images."""

    __tablename__ = "projects"
    __table_args__ = (
        PrimaryKeyConstraint("id", name="projects_pkey"),
        UniqueConstraint("name", name="projects_name_key"),
        CheckConstraint(one_of("auto_resume", AutoResume), name="projects_auto_resume_check"),
        CheckConstraint(one_of("compression", Compression), name="projects_compression_check"),
        CheckConstraint(one_of("trace", Trace), name="projects_trace_check"),
        CheckConstraint("max_auto_resumes >= 0", name="projects_max_auto_resumes_check"),
    )

    id: Mapped[UUID]
    name: Mapped[str]
    description: Mapped[str]
    storage_url: Mapped[str | None]
    catalog_version: Mapped[int] = mapped_column(Integer)
    auto_resume: Mapped[str] = mapped_column(server_default=AutoResume.NEVER)
    max_auto_resumes: Mapped[int] = mapped_column(Integer, server_default="3")
    compression: Mapped[str] = mapped_column(server_default=Compression.AUTO)
    deduplicate: Mapped[bool] = mapped_column(server_default=false())
    trace: Mapped[str] = mapped_column(server_default=Trace.OFF)
    allowed_places: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    retention: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    revision: Mapped[int] = mapped_column(Integer, server_default="1")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class CatalogRow(Base):
    """One version of a project's catalogue. Never changed once it is there."""

    __tablename__ = "catalog_versions"
    __table_args__ = (
        PrimaryKeyConstraint("project_id", "version", name="catalog_versions_pkey"),
        ForeignKeyConstraint(
            ["project_id"],
            ["projects.id"],
            name="catalog_versions_project_fkey",
            ondelete="CASCADE",
        ),
    )

    project_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    states: Mapped[list["StateCodeRow"]] = relationship(order_by="StateCodeRow.code")


class StateCodeRow(Base):
    """One state of one version of a catalogue."""

    __tablename__ = "state_codes"
    __table_args__ = (
        PrimaryKeyConstraint("project_id", "version", "code", name="state_codes_pkey"),
        ForeignKeyConstraint(
            ["project_id", "version"],
            ["catalog_versions.project_id", "catalog_versions.version"],
            name="state_codes_catalog_fkey",
            ondelete="CASCADE",
        ),
        CheckConstraint("code BETWEEN 0 AND 100", name="state_codes_code_check"),
    )

    project_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(Integer)
    code: Mapped[int] = mapped_column(SmallInteger)
    name: Mapped[str]
    description: Mapped[str]
    color: Mapped[str]
    requires: Mapped[list[int]]
    required: Mapped[bool]
    expected_seconds: Mapped[int | None] = mapped_column(Integer)
