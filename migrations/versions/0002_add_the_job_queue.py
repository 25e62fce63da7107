"""Add the job queue: procrastinate's tables, in a schema of their own.

They are those of the procrastinate release that pyproject.toml allows. A newer release brings
changes as SQL files of its own (`procrastinate/sql/migrations`), which then become a revision here.
"""

import sqlalchemy as sa
from alembic import op
from procrastinate.schema import SchemaManager

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA procrastinate")
    path = op.get_bind().scalar(sa.text("SELECT current_setting('search_path')"))
    # Straight to the driver: the file has many statements, and percent signs of its own.
    cursor = op.get_bind().connection.cursor()
    cursor.execute("SET LOCAL search_path TO procrastinate")
    cursor.execute(SchemaManager.get_schema())
    cursor.execute("SELECT set_config('search_path', %s, true)", (path,))
    cursor.close()


def downgrade() -> None:
    op.execute("DROP SCHEMA procrastinate CASCADE")
