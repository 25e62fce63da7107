"""Leave what ended lost or failed to the job that resumes builds.

Revision ID: 0007
Revises: 0006
"""
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0007'
down_revision: str | None = '0006'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column(
        'build_states', sa.Column('resume_considered_at', sa.DateTime(timezone=True), nullable=True)
    )
    # Those were considered in the transaction that ended them.
    op.execute(
        "UPDATE build_states SET resume_considered_at = ended_at"
        " WHERE status IN ('lost', 'failed')"
    )
    op.create_index(
        'build_states_unconsidered_idx',
        'build_states',
        ['build_id'],
        postgresql_where=sa.text("status IN ('lost', 'failed') AND resume_considered_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index('build_states_unconsidered_idx', table_name='build_states')
    op.drop_column('build_states', 'resume_considered_at')
