"""Create the tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("fences")))
    op.create_table('api_keys',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('prefix', sa.Text(), nullable=False),
    sa.Column('secret_hash', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name='api_keys_pkey'),
    sa.UniqueConstraint('secret_hash', name='api_keys_secret_hash_key')
    )
    op.create_table('projects',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('storage_url', sa.Text(), nullable=True),
    sa.Column('catalog_version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name='projects_pkey'),
    sa.UniqueConstraint('name', name='projects_name_key')
    )
    op.create_table('service_clock',
    sa.Column('id', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('id = 1', name='service_clock_one_row_check'),
    sa.PrimaryKeyConstraint('id', name='service_clock_pkey')
    )
    op.create_table('catalog_versions',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['project_id'], ['projects.id'], name='catalog_versions_project_fkey', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'version', name='catalog_versions_pkey')
    )
    op.create_table('idempotency_keys',
    sa.Column('api_key_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('request_digest', sa.LargeBinary(), nullable=False),
    sa.Column('status_code', sa.SmallInteger(), nullable=True),
    sa.Column('answer', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['api_key_id'], ['api_keys.id'], name='idempotency_keys_api_key_fkey'),
    sa.PrimaryKeyConstraint('api_key_id', 'key', name='idempotency_keys_pkey')
    )
    op.create_index('idempotency_keys_created_idx', 'idempotency_keys', ['created_at'], unique=False)
    op.create_table('builds',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('catalog_version', sa.Integer(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('version', sa.Text(), nullable=True),
    sa.Column('platform', sa.Text(), nullable=True),
    sa.Column('os', sa.Text(), nullable=True),
    sa.Column('image_type', sa.Text(), nullable=True),
    sa.Column('labels', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('superseded_by', sa.Uuid(), nullable=True),
    sa.Column('status', sa.Text(), server_default='pending', nullable=False),
    sa.Column('current_state', sa.SmallInteger(), nullable=True),
    sa.Column('frontier', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('peak', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('active', postgresql.ARRAY(sa.SmallInteger()), server_default='{}', nullable=False),
    sa.Column('resume_from', sa.SmallInteger(), nullable=True),
    sa.Column('lanes', postgresql.JSONB(astext_type=sa.Text()), server_default='[]', nullable=False),
    sa.Column('failure', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("status IN ('pending', 'in_progress', 'completed', 'failed', 'cancelled')", name='builds_status_check'),
    sa.ForeignKeyConstraint(['project_id', 'catalog_version'], ['catalog_versions.project_id', 'catalog_versions.version'], name='builds_catalog_fkey'),
    sa.ForeignKeyConstraint(['superseded_by'], ['builds.id'], name='builds_superseded_by_fkey', initially='DEFERRED', deferrable=True),
    sa.PrimaryKeyConstraint('id', name='builds_pkey'),
    sa.UniqueConstraint('number', name='builds_number_key')
    )
    op.create_index('builds_project_key_key', 'builds', ['project_id', 'key'], unique=True, postgresql_where=sa.text('superseded_by IS NULL'))
    op.create_table('state_codes',
    sa.Column('project_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('code', sa.SmallInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('color', sa.Text(), nullable=False),
    sa.Column('requires', postgresql.ARRAY(sa.SmallInteger()), nullable=False),
    sa.Column('required', sa.Boolean(), nullable=False),
    sa.Column('expected_seconds', sa.Integer(), nullable=True),
    sa.CheckConstraint('code BETWEEN 0 AND 100', name='state_codes_code_check'),
    sa.ForeignKeyConstraint(['project_id', 'version'], ['catalog_versions.project_id', 'catalog_versions.version'], name='state_codes_catalog_fkey', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id', 'version', 'code', name='state_codes_pkey')
    )
    op.create_table('build_states',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('build_id', sa.Uuid(), nullable=False),
    sa.Column('lane', sa.Text(), nullable=False),
    sa.Column('state', sa.SmallInteger(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('message', sa.Text(), nullable=True),
    sa.Column('worker', sa.Text(), nullable=True),
    sa.Column('as_of', sa.DateTime(timezone=True), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('token_hash', sa.LargeBinary(), nullable=True),
    sa.Column('fence', sa.BigInteger(), nullable=True),
    sa.Column('lease_seconds', sa.Integer(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('heartbeat_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('fingerprint', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.CheckConstraint("(status IN ('pending', 'in_progress')) = (ended_at IS NULL)", name='build_states_ended_check'),
    sa.CheckConstraint("kind IS NULL OR kind IN ('checkpoint', 'step', 'effect', 'gate', 'ephemeral')", name='build_states_kind_check'),
    sa.CheckConstraint("status IN ('pending', 'in_progress', 'completed', 'failed', 'lost', 'cancelled', 'waived')", name='build_states_status_check'),
    sa.CheckConstraint('num_nulls(token_hash, fence, lease_seconds, lease_until) IN (0, 4)', name='build_states_claim_check'),
    sa.CheckConstraint('state BETWEEN 0 AND 100', name='build_states_state_check'),
    sa.ForeignKeyConstraint(['build_id'], ['builds.id'], name='build_states_build_fkey', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name='build_states_pkey'),
    sa.UniqueConstraint('build_id', 'lane', 'state', 'number', name='build_states_number_key')
    )
    op.create_index('build_states_lease_idx', 'build_states', ['lease_until'], unique=False, postgresql_where=sa.text("status = 'in_progress' AND lease_until IS NOT NULL"))
    op.create_index('build_states_live_key', 'build_states', ['build_id', 'lane', 'state'], unique=True, postgresql_where=sa.text("status IN ('pending', 'in_progress')"))
    op.create_table('events',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('build_id', sa.Uuid(), nullable=True),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('data', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.ForeignKeyConstraint(['build_id'], ['builds.id'], name='events_build_fkey', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name='events_pkey')
    )
    op.create_index('events_build_idx', 'events', ['build_id', 'id'], unique=False)
    op.create_table('artifacts',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('build_id', sa.Uuid(), nullable=False),
    sa.Column('attempt_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('storage_type', sa.Text(), nullable=False),
    sa.Column('uri', sa.Text(), nullable=True),
    sa.Column('size_bytes', sa.BigInteger(), nullable=True),
    sa.Column('checksum', sa.Text(), nullable=True),
    sa.Column('format', sa.Text(), nullable=True),
    sa.Column('compression', sa.Text(), nullable=True),
    sa.Column('metadata', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('status', sa.Text(), server_default='available', nullable=False),
    sa.Column('status_reason', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("kind IN ('blob', 'handle', 'value')", name='artifacts_kind_check'),
    sa.CheckConstraint("status IN ('available', 'quarantined', 'revoked', 'expired', 'deleted')", name='artifacts_status_check'),
    sa.CheckConstraint('size_bytes >= 0', name='artifacts_size_check'),
    sa.ForeignKeyConstraint(['attempt_id'], ['build_states.id'], name='artifacts_attempt_fkey', ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['build_id'], ['builds.id'], name='artifacts_build_fkey', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name='artifacts_pkey'),
    sa.UniqueConstraint('attempt_id', 'name', name='artifacts_attempt_name_key')
    )
    op.create_index('artifacts_build_idx', 'artifacts', ['build_id'], unique=False)


def downgrade() -> None:
    op.execute(sa.schema.DropSequence(sa.Sequence("fences")))
    op.drop_index('artifacts_build_idx', table_name='artifacts')
    op.drop_table('artifacts')
    op.drop_index('events_build_idx', table_name='events')
    op.drop_table('events')
    op.drop_index('build_states_live_key', table_name='build_states', postgresql_where=sa.text("status IN ('pending', 'in_progress')"))
    op.drop_index('build_states_lease_idx', table_name='build_states', postgresql_where=sa.text("status = 'in_progress' AND lease_until IS NOT NULL"))
    op.drop_table('build_states')
    op.drop_table('state_codes')
    op.drop_index('builds_project_key_key', table_name='builds', postgresql_where=sa.text('superseded_by IS NULL'))
    op.drop_table('builds')
    op.drop_index('idempotency_keys_created_idx', table_name='idempotency_keys')
    op.drop_table('idempotency_keys')
    op.drop_table('catalog_versions')
    op.drop_table('service_clock')
    op.drop_table('projects')
    op.drop_table('api_keys')
