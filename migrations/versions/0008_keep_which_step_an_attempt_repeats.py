"""Keep which step an attempt repeats, so that an upgrade makes no other step of it.

Revision ID: 0008
Revises: 0007
"""
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0008'
down_revision: str | None = '0007'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column('build_states', sa.Column('identity', sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column('build_states', 'identity')
