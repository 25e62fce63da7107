from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection
from support import Cluster

import buildstate_api
from buildstate_api.database import sqlalchemy_url
from buildstate_api.migrate import alembic_config, migrate, newest_migration
from buildstate_api.tables import Base
from buildstate_core.errors import InvalidInput, Unreachable

FOLDER = Path(buildstate_api.__file__).parent / "migrations"


@pytest.fixture
def empty_url(cluster: Cluster) -> Iterator[str]:
    name = cluster.create_database(template="template1")
    yield cluster.url(name)
    cluster.drop_database(name)


@pytest.fixture
def connection(empty_url: str) -> Iterator[Connection]:
    engine = sa.create_engine(sqlalchemy_url(empty_url), poolclass=sa.NullPool)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def everything(connection: Connection) -> list[tuple[str, str]]:
    """Name what there is in the schemas that are ours."""
    rows = connection.execute(
        sa.text(
            "SELECT n.nspname, c.relkind::text || ' ' || c.relname FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname IN ('public', 'procrastinate') ORDER BY 1, 2"
        )
    )
    return [(schema, what) for schema, what in rows]


def test_the_migrations_make_what_the_tables_say(empty_url: str, connection: Connection) -> None:
    migrate(empty_url)
    options = {
        "compare_type": True,
        "compare_server_default": True,
        "include_object": lambda _, name, *__: name != "alembic_version",
    }
    context = MigrationContext.configure(connection, opts=options)
    assert compare_metadata(context, Base.metadata) == []
    sequences = connection.scalars(
        sa.text("SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
    ).all()  # which compare_metadata does not look at
    named = set(Base.metadata._sequences)
    assert named == {"fences"}
    assert named <= set(sequences)


def test_the_constraints_are_those_that_the_tables_say(
    cluster: Cluster, empty_url: str, connection: Connection
) -> None:
    """Compare checks and partial indexes too, of which Alembic sees only the names."""
    migrate(empty_url)
    other = cluster.create_database(template="template1")
    engine = sa.create_engine(sqlalchemy_url(cluster.url(other)), poolclass=sa.NullPool)
    Base.metadata.create_all(engine)
    query = sa.text(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"
        " AND conrelid::regclass::text <> 'alembic_version'"
        " UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes"
        " WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1, 2, 3"
    )
    with engine.connect() as made_by_metadata:
        assert connection.execute(query).all() == made_by_metadata.execute(query).all()
    engine.dispose()
    cluster.drop_database(other)


def test_down_to_nothing_and_up_again_gives_the_same(
    empty_url: str, connection: Connection
) -> None:
    migrate(empty_url)
    before = everything(connection)
    config = alembic_config(connection)
    command.downgrade(config, "base")
    assert everything(connection) == [
        ("public", "i alembic_version_pkc"),
        ("public", "r alembic_version"),
    ]
    command.upgrade(config, "head")
    assert everything(connection) == before


def test_what_was_recorded_before_objects_had_one_spelling_gets_it(
    empty_url: str, connection: Connection
) -> None:
    migrate(empty_url)
    config = alembic_config(connection)
    command.downgrade(config, "0005")
    uris = {"/srv/a b.img": "file:///srv/a%20b.img", "s3://b/k": "s3://b/k", None: None}
    connection.execute(sa.text("SET session_replication_role = replica"))  # no build, no attempt
    connection.execute(
        sa.text(
            "INSERT INTO artifacts (id, build_id, attempt_id, name, kind, storage_type, uri,"
            " metadata) SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'image',"
            " 'blob', 'file', uri, '{}' FROM unnest(CAST(:uris AS text[])) AS uri"
        ),
        {"uris": list(uris)},
    )
    command.upgrade(config, "head")
    found = connection.execute(sa.text("SELECT uri, object_uri FROM artifacts")).all()
    assert {each.uri: each.object_uri for each in found} == uris


def test_what_ended_before_the_job_considered_ends_counts_as_considered(
    empty_url: str, connection: Connection
) -> None:
    migrate(empty_url)
    config = alembic_config(connection)
    command.downgrade(config, "0006")
    connection.execute(sa.text("SET session_replication_role = replica"))  # no build
    connection.execute(
        sa.text(
            "INSERT INTO build_states (id, build_id, lane, state, number, status, as_of, ended_at,"
            " fingerprint) SELECT gen_random_uuid(), gen_random_uuid(), '', 50, 1, status, now(),"
            " CASE status WHEN 'in_progress' THEN NULL ELSE now() END, '{}'"
            " FROM unnest(ARRAY['lost', 'failed', 'completed', 'in_progress']) AS status"
        )
    )
    command.upgrade(config, "head")
    query = "SELECT status FROM build_states WHERE resume_considered_at IS NOT NULL"
    assert set(connection.scalars(sa.text(query))) == {"lost", "failed"}


def test_of_runs_that_are_there_already_it_is_kept_how_long_they_took(
    empty_url: str, connection: Connection
) -> None:
    migrate(empty_url)
    config = alembic_config(connection)
    command.downgrade(config, "0011")
    connection.execute(sa.text("SET session_replication_role = replica"))  # no project
    connection.execute(
        sa.text(
            "WITH build AS (INSERT INTO builds (id, project_id, catalog_version, key, platform,"
            " labels) VALUES (gen_random_uuid(), gen_random_uuid(), 1, 'a', 'aws', '{}')"
            " RETURNING id) INSERT INTO build_states (id, build_id, lane, state, number, status,"
            " as_of, started_at, ended_at, token_hash, fence, lease_seconds, lease_until,"
            " fingerprint) SELECT gen_random_uuid(), id, lane, state, 1, status, now(),"
            " now() - interval '90 s', now(), lease::text::bytea, lease, lease,"
            " to_timestamp(lease), '{}' FROM build, (VALUES ('', 10, 'completed', 1),"
            " ('eu', 60, 'completed', 1), ('', 25, 'failed', 1), ('', 50, 'completed', NULL))"
            " AS attempt (lane, state, status, lease)"
        )
    )
    command.upgrade(config, "head")
    query = "SELECT platform, state, is_in_lane, seconds FROM run_samples ORDER BY state"
    found = [tuple(each) for each in connection.execute(sa.text(query))]
    assert found == [("aws", 10, False, 90), ("aws", 60, True, 90)]


def test_migrating_twice_changes_nothing(empty_url: str, connection: Connection) -> None:
    migrate(empty_url)
    before = everything(connection)
    migrate(empty_url)
    assert everything(connection) == before


def test_what_is_compared_to_know_whether_any_is_missing_is_their_head(
    connection: Connection,
) -> None:
    scripts = ScriptDirectory.from_config(alembic_config(connection))
    assert newest_migration() == scripts.get_current_head()


def test_the_migrations_are_where_the_package_looks_for_them() -> None:
    assert (FOLDER / "env.py").is_file()
    assert min(each.stem[:4] for each in (FOLDER / "versions").glob("0*.py")) == "0001"


def test_a_database_that_cannot_be_reached_is_said_so(empty_url: str) -> None:
    with pytest.raises(Unreachable) as failed:
        migrate(empty_url.replace("postgres@", "nobody@"))
    assert failed.value.code == "database-unreachable"
    assert "nobody" in failed.value.message


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        migrate("sqlite:///x.db")
    assert refused.value.field == "database_url"
