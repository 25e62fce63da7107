"""Tell objects apart however they are spelled, and keep what a worker at work was given.

Revision ID: 0006
Revises: 0005
"""
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from buildstate_core.locations import canonical

revision: str = '0006'
down_revision: str | None = '0005'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_AT_ONCE = 1000


def upgrade() -> None:
    op.add_column(
        'build_states',
        sa.Column('restored', postgresql.ARRAY(sa.Uuid()), server_default='{}', nullable=False),
    )
    op.add_column('artifacts', sa.Column('object_uri', sa.Text(), nullable=True))
    _fill()
    op.drop_index('artifacts_uri_idx', table_name='artifacts')
    op.create_index(
        'artifacts_object_idx', 'artifacts', ['object_uri'], postgresql_using='hash'
    )


def downgrade() -> None:
    op.drop_index('artifacts_object_idx', table_name='artifacts')
    op.create_index('artifacts_uri_idx', 'artifacts', ['uri'], postgresql_using='hash')
    op.drop_column('artifacts', 'object_uri')
    op.drop_column('build_states', 'restored')


def _fill() -> None:
    # PostgreSQL cannot decode a URI: what the service does for new artifacts is done for the old.
    connection = op.get_bind()
    artifacts = sa.table(
        'artifacts',
        sa.column('id', sa.Uuid()),
        sa.column('uri', sa.Text()),
        sa.column('object_uri', sa.Text()),
    )
    some = (
        sa.select(artifacts.c.id, artifacts.c.uri)
        .where(artifacts.c.uri.is_not(None), artifacts.c.object_uri.is_(None))
        .limit(_AT_ONCE)
    )
    while rows := connection.execute(some).all():
        connection.execute(
            sa.update(artifacts)
            .where(artifacts.c.id == sa.bindparam('of'))
            .values(object_uri=sa.bindparam('same')),
            [{'of': id, 'same': canonical(uri)} for id, uri in rows],
        )
