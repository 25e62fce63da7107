"""Index what lists and jobs look for.

Revision ID: 0011
Revises: 0010
"""
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0011'
down_revision: str | None = '0010'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

UNDELIVERED = sa.text("status <> 'completed'")
GIVEN_UP = sa.text('marked_at IS NOT NULL AND removed_at IS NULL')


def upgrade() -> None:
    op.create_index('builds_project_idx', 'builds', ['project_id', 'number'])
    op.create_index('builds_platform_idx', 'builds', ['platform', 'number'])
    op.create_index(
        'builds_project_platform_idx', 'builds', ['project_id', 'platform', 'number']
    )
    op.create_index('builds_key_idx', 'builds', ['key', 'number'])
    op.create_index(
        'builds_status_idx', 'builds', ['status', 'number'], postgresql_where=UNDELIVERED
    )
    op.create_index(
        'builds_project_status_idx',
        'builds',
        ['project_id', 'status', 'number'],
        postgresql_where=UNDELIVERED,
    )
    op.create_index(
        'builds_delivered_idx',
        'builds',
        ['project_id', sa.text('finished_at NULLS FIRST'), 'number'],
        postgresql_where=sa.text("status = 'completed'"),
    )
    op.create_index(
        'builds_version_idx',
        'builds',
        ['project_id', 'version'],
        postgresql_where=sa.text('superseded_by IS NULL'),
    )
    op.create_index(
        'builds_superseded_by_idx',
        'builds',
        ['superseded_by'],
        postgresql_where=sa.text('superseded_by IS NOT NULL'),
    )
    op.drop_index('builds_derived_from_idx', table_name='builds')
    op.create_index(
        'builds_derived_from_idx',
        'builds',
        ['derived_from', 'number'],
        postgresql_where=sa.text('derived_from IS NOT NULL'),
    )
    op.drop_index('artifacts_checksum_idx', table_name='artifacts')
    op.create_index('artifacts_checksum_idx', 'artifacts', ['checksum', 'id'])
    op.create_index(
        'artifacts_status_idx',
        'artifacts',
        ['status', 'id'],
        postgresql_where=sa.text("status <> 'available'"),
    )
    op.drop_index('artifacts_removable_idx', table_name='artifacts')
    op.create_index('artifacts_removable_idx', 'artifacts', ['id'], postgresql_where=GIVEN_UP)
    op.create_index('resume_requests_build_idx', 'resume_requests', ['build_id', 'id'])
    op.create_index('resume_requests_status_idx', 'resume_requests', ['status', 'id'])


def downgrade() -> None:
    op.drop_index('resume_requests_status_idx', table_name='resume_requests')
    op.drop_index('resume_requests_build_idx', table_name='resume_requests')
    op.drop_index('artifacts_removable_idx', table_name='artifacts')
    op.create_index(
        'artifacts_removable_idx', 'artifacts', ['removable_at'], postgresql_where=GIVEN_UP
    )
    op.drop_index('artifacts_status_idx', table_name='artifacts')
    op.drop_index('artifacts_checksum_idx', table_name='artifacts')
    op.create_index('artifacts_checksum_idx', 'artifacts', ['checksum'])
    op.drop_index('builds_derived_from_idx', table_name='builds')
    op.create_index('builds_derived_from_idx', 'builds', ['derived_from'])
    for name in (
        'builds_superseded_by_idx',
        'builds_version_idx',
        'builds_delivered_idx',
        'builds_project_status_idx',
        'builds_status_idx',
        'builds_key_idx',
        'builds_project_platform_idx',
        'builds_platform_idx',
        'builds_project_idx',
    ):
        op.drop_index(name, table_name='builds')
