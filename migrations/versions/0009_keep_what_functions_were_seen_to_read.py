"""Keep what functions were seen to read.

Revision ID: 0009
Revises: 0008
"""
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = '0009'
down_revision: str | None = '0008'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        'attempt_reads',
        sa.Column('attempt_id', sa.Uuid(), nullable=False),
        sa.Column('reads', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ['attempt_id'],
            ['build_states.id'],
            name='attempt_reads_attempt_fkey',
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('attempt_id', name='attempt_reads_pkey'),
    )


def downgrade() -> None:
    op.drop_table('attempt_reads')
