"""Add derived builds, what people decide, and requests to resume."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('interventions',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('build_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('state', sa.SmallInteger(), nullable=True),
    sa.Column('lane', sa.Text(), nullable=True),
    sa.Column('artifact_id', sa.Uuid(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('api_key_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind IN ('waive', 'force', 'revoke', 'adopt', 'cancel', 'resume')", name='interventions_kind_check'),
    sa.CheckConstraint('state BETWEEN 0 AND 100', name='interventions_state_check'),
    sa.ForeignKeyConstraint(['api_key_id'], ['api_keys.id'], name='interventions_api_key_fkey'),
    sa.ForeignKeyConstraint(['build_id'], ['builds.id'], name='interventions_build_fkey', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name='interventions_pkey')
    )
    op.create_index('interventions_build_idx', 'interventions', ['build_id', 'id'], unique=False)
    op.create_table('inherited_attempts',
    sa.Column('build_id', sa.Uuid(), nullable=False),
    sa.Column('attempt_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['attempt_id'], ['build_states.id'], name='inherited_attempts_attempt_fkey'),
    sa.ForeignKeyConstraint(['build_id'], ['builds.id'], name='inherited_attempts_build_fkey', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('build_id', 'attempt_id', name='inherited_attempts_pkey')
    )
    op.create_index('inherited_attempts_attempt_idx', 'inherited_attempts', ['attempt_id'], unique=False)
    op.create_table('resume_requests',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('build_id', sa.Uuid(), nullable=False),
    sa.Column('lane', sa.Text(), nullable=False),
    sa.Column('attempt_id', sa.Uuid(), nullable=True),
    sa.Column('status', sa.Text(), server_default='pending', nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('flow_run_id', sa.Uuid(), nullable=False),
    sa.Column('successor_id', sa.Uuid(), nullable=True),
    sa.Column('successor_name', sa.Text(), nullable=True),
    sa.Column('tries', sa.Integer(), server_default='0', nullable=False),
    sa.Column('next_try_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=True),
    sa.Column('message', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("status IN ('pending', 'sent', 'running', 'done', 'failed')", name='resume_requests_status_check'),
    sa.ForeignKeyConstraint(['attempt_id'], ['build_states.id'], name='resume_requests_attempt_fkey', ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['build_id'], ['builds.id'], name='resume_requests_build_fkey', ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name='resume_requests_pkey')
    )
    op.create_index('resume_requests_due_idx', 'resume_requests', ['next_try_at'], unique=False, postgresql_where=sa.text("status IN ('pending', 'sent', 'running')"))
    op.create_index('resume_requests_open_key', 'resume_requests', ['build_id', 'lane'], unique=True, postgresql_where=sa.text("status IN ('pending', 'sent', 'running')"))
    op.add_column('build_states', sa.Column('compared_with', sa.Uuid(), nullable=True))
    op.add_column('build_states', sa.Column('orchestrator', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True))
    op.add_column('builds', sa.Column('derived_from', sa.Uuid(), nullable=True))
    op.add_column('builds', sa.Column('derived_state', sa.SmallInteger(), nullable=True))
    op.add_column('builds', sa.Column('derived_lane', sa.Text(), nullable=True))
    op.create_index('builds_derived_from_idx', 'builds', ['derived_from'], unique=False)
    op.create_foreign_key('builds_derived_from_fkey', 'builds', 'builds', ['derived_from'], ['id'])
    op.add_column('projects', sa.Column('auto_resume', sa.Text(), server_default='never', nullable=False))
    op.add_column('projects', sa.Column('max_auto_resumes', sa.Integer(), server_default='3', nullable=False))
    op.add_column('projects', sa.Column('revision', sa.Integer(), server_default='1', nullable=False))
    op.create_check_constraint('builds_derived_check', 'builds', 'num_nulls(derived_from, derived_state, derived_lane) IN (0, 3)')
    op.create_check_constraint('projects_auto_resume_check', 'projects', "auto_resume IN ('never', 'lost', 'failed')")
    op.create_check_constraint('projects_max_auto_resumes_check', 'projects', 'max_auto_resumes >= 0')


def downgrade() -> None:
    op.drop_column('projects', 'revision')
    op.drop_column('projects', 'max_auto_resumes')
    op.drop_column('projects', 'auto_resume')
    op.drop_constraint('builds_derived_from_fkey', 'builds', type_='foreignkey')
    op.drop_index('builds_derived_from_idx', table_name='builds')
    op.drop_column('builds', 'derived_lane')
    op.drop_column('builds', 'derived_state')
    op.drop_column('builds', 'derived_from')
    op.drop_column('build_states', 'orchestrator')
    op.drop_column('build_states', 'compared_with')
    op.drop_index('resume_requests_open_key', table_name='resume_requests', postgresql_where=sa.text("status IN ('pending', 'sent', 'running')"))
    op.drop_index('resume_requests_due_idx', table_name='resume_requests', postgresql_where=sa.text("status IN ('pending', 'sent', 'running')"))
    op.drop_table('resume_requests')
    op.drop_index('inherited_attempts_attempt_idx', table_name='inherited_attempts')
    op.drop_table('inherited_attempts')
    op.drop_index('interventions_build_idx', table_name='interventions')
    op.drop_table('interventions')
