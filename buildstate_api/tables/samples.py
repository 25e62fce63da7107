"""How long milestones took, apart from the attempts that did them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
)
from sqlalchemy.orm import Mapped, mapped_column

from buildstate_api.tables.base import Base


class RunSampleRow(Base):
    """How long one claimed attempt took that completed; written as it completes.

    Narrow, and in the order in which estimates ask for it. It outlives its build, and so names the
    attempt without a foreign key.
    """

    __tablename__ = "run_samples"
    __table_args__ = (
        PrimaryKeyConstraint("attempt_id", name="run_samples_pkey"),
        ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="run_samples_project_fkey", ondelete="CASCADE"
        ),
        CheckConstraint("state BETWEEN 0 AND 100", name="run_samples_state_check"),
        CheckConstraint("seconds >= 0", name="run_samples_seconds_check"),
        # The last runs on one platform, and on any.
        Index("run_samples_platform_idx", "project_id", "state", "platform", "ended_at"),
        Index("run_samples_state_idx", "project_id", "state", "ended_at"),
    )

    attempt_id: Mapped[UUID]
    project_id: Mapped[UUID]
    platform: Mapped[str | None]
    state: Mapped[int] = mapped_column(SmallInteger)
    is_in_lane: Mapped[bool]
    ended_at: Mapped[datetime]
    seconds: Mapped[float] = mapped_column(Double)
