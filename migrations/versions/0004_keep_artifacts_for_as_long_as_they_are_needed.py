"""Keep artifacts for as long as they are needed.

Revision ID: 0004
Revises: 0003
"""
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = '0004'
down_revision: str | None = '0003'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column('artifacts', sa.Column('packed', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.add_column('artifacts', sa.Column('sensitivity', sa.Text(), server_default='internal', nullable=False))
    op.add_column('artifacts', sa.Column('hold', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.add_column('artifacts', sa.Column('marked_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('artifacts', sa.Column('marked_because', sa.Text(), nullable=True))
    op.add_column('artifacts', sa.Column('removable_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('artifacts', sa.Column('removing_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('artifacts', sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint('artifacts_sensitivity_check', 'artifacts', "sensitivity IN ('public', 'internal', 'secret')")
    op.create_check_constraint('artifacts_marked_check', 'artifacts', 'num_nulls(marked_at, marked_because, removable_at) IN (0, 3)')
    op.create_check_constraint('artifacts_hold_check', 'artifacts', 'hold IS NULL OR marked_at IS NULL')
    op.create_check_constraint('artifacts_removed_check', 'artifacts', "(status = 'deleted') = (removed_at IS NOT NULL)")
    op.create_index('artifacts_removable_idx', 'artifacts', ['removable_at'], unique=False, postgresql_where=sa.text('marked_at IS NOT NULL AND removed_at IS NULL'))
    op.create_index('artifacts_expires_idx', 'artifacts', ['expires_at'], unique=False, postgresql_where=sa.text('expires_at IS NOT NULL AND marked_at IS NULL'))
    op.create_index('artifacts_checksum_idx', 'artifacts', ['checksum'], unique=False)
    op.create_index('artifacts_uri_idx', 'artifacts', ['uri'], unique=False, postgresql_using='hash')
    op.add_column('build_states', sa.Column('transfer', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.add_column('projects', sa.Column('compression', sa.Text(), server_default='auto', nullable=False))
    op.add_column('projects', sa.Column('deduplicate', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('projects', sa.Column('allowed_places', postgresql.JSONB(astext_type=sa.Text()), server_default='{}', nullable=False))
    op.add_column('projects', sa.Column('retention', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.create_check_constraint('projects_compression_check', 'projects', "compression IN ('none', 'zstd', 'auto')")


def downgrade() -> None:
    op.drop_constraint('projects_compression_check', 'projects', type_='check')
    op.drop_column('projects', 'retention')
    op.drop_column('projects', 'allowed_places')
    op.drop_column('projects', 'deduplicate')
    op.drop_column('projects', 'compression')
    op.drop_column('build_states', 'transfer')
    op.drop_index('artifacts_uri_idx', table_name='artifacts', postgresql_using='hash')
    op.drop_index('artifacts_checksum_idx', table_name='artifacts')
    op.drop_index('artifacts_expires_idx', table_name='artifacts', postgresql_where=sa.text('expires_at IS NOT NULL AND marked_at IS NULL'))
    op.drop_index('artifacts_removable_idx', table_name='artifacts', postgresql_where=sa.text('marked_at IS NOT NULL AND removed_at IS NULL'))
    op.drop_constraint('artifacts_removed_check', 'artifacts', type_='check')
    op.drop_constraint('artifacts_hold_check', 'artifacts', type_='check')
    op.drop_constraint('artifacts_marked_check', 'artifacts', type_='check')
    op.drop_constraint('artifacts_sensitivity_check', 'artifacts', type_='check')
    op.drop_column('artifacts', 'removed_at')
    op.drop_column('artifacts', 'removing_at')
    op.drop_column('artifacts', 'removable_at')
    op.drop_column('artifacts', 'marked_because')
    op.drop_column('artifacts', 'marked_at')
    op.drop_column('artifacts', 'hold')
    op.drop_column('artifacts', 'sensitivity')
    op.drop_column('artifacts', 'packed')
