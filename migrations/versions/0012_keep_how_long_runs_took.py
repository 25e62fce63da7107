"""Keep how long runs took, apart from their attempts.

Revision ID: 0012
Revises: 0011
"""
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0012'
down_revision: str | None = '0011'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        'run_samples',
        sa.Column('attempt_id', sa.Uuid(), nullable=False),
        sa.Column('project_id', sa.Uuid(), nullable=False),
        sa.Column('platform', sa.Text(), nullable=True),
        sa.Column('state', sa.SmallInteger(), nullable=False),
        sa.Column('is_in_lane', sa.Boolean(), nullable=False),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('seconds', sa.Double(), nullable=False),
        sa.CheckConstraint('state BETWEEN 0 AND 100', name='run_samples_state_check'),
        sa.CheckConstraint('seconds >= 0', name='run_samples_seconds_check'),
        sa.ForeignKeyConstraint(
            ['project_id'], ['projects.id'], name='run_samples_project_fkey', ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('attempt_id', name='run_samples_pkey'),
    )
    op.execute(
        """
        INSERT INTO run_samples
            (attempt_id, project_id, platform, state, is_in_lane, ended_at, seconds)
        SELECT a.id, b.project_id, b.platform, a.state, a.lane <> '', a.ended_at,
            greatest(extract(epoch FROM a.ended_at - a.started_at), 0)
        FROM build_states a JOIN builds b ON b.id = a.build_id
        WHERE a.status = 'completed' AND a.lease_until IS NOT NULL AND a.started_at IS NOT NULL
        """
    )
    op.create_index(
        'run_samples_platform_idx', 'run_samples', ['project_id', 'state', 'platform', 'ended_at']
    )
    op.create_index('run_samples_state_idx', 'run_samples', ['project_id', 'state', 'ended_at'])


def downgrade() -> None:
    op.drop_table('run_samples')
