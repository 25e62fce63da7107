"""Keep whether a project's commands are traced.

Revision ID: 0010
Revises: 0009
"""
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0010'
down_revision: str | None = '0009'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column('projects', sa.Column('trace', sa.Text(), server_default='off', nullable=False))
    op.create_check_constraint('projects_trace_check', 'projects', "trace IN ('on', 'off')")


def downgrade() -> None:
    op.drop_constraint('projects_trace_check', 'projects', type_='check')
    op.drop_column('projects', 'trace')
