"""Versions of the schema: which is newer, who may touch which, and that migrations take nothing from who still runs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from alembic import command
from alembic.script import Script, ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from typer.testing import CliRunner, Result

from app import bootstrap
from app.cli.main import app
from app.core import migrations
from app.core.config import Settings
from app.core.database import Database
from app.core.embedded_postgres import running
from app.domain.errors import AppError, DatabaseAhead, DatabaseBehind, ForeignDatabase
from tests.conftest import sqlalchemy_url

NEXT = f"{int(migrations.newest()) + 1:04}"
NEWER = [NEXT, "9999"]
FOREIGN = ["older", "a1b2c3d4e5f6", "0000", "", "00071", "٠٠٩٩", f"{NEXT} {NEXT}", f"v{NEXT}"]


class Fresh(NamedTuple):
    """A database of a test's own: as its owner and as the application reach it."""

    owner_url: str
    application_url: str

    def say(self, version: str) -> None:
        with self.connected() as connection:
            connection.execute(text("ALTER TABLE alembic_version ALTER version_num TYPE varchar"))
            connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})

    def says(self) -> str | None:
        with self.connected() as connection:
            return migrations.version_of(connection)

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        engine = create_engine(self.owner_url)
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()


@pytest.fixture
def fresh(owner_url: str) -> Iterator[Fresh]:
    """Empty, on the tests' own server."""
    name = f"fresh_{uuid4().hex}"
    engine = create_engine(sqlalchemy_url(owner_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(sqlalchemy_url(owner_url)).set(database=name)
    application = url.set(username=migrations.APPLICATION_ROLE)
    yield Fresh(*(each.render_as_string(hide_password=False) for each in (url, application)))
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def migrated(fresh: Fresh) -> Fresh:
    migrations.upgrade(fresh.owner_url)
    return fresh


def test_versions_are_one_chain_numbered_without_a_gap_as_their_files_are() -> None:
    assert migrations.chain() == tuple(f"{number:04}" for number in range(1, len(migrations.chain()) + 1))
    scripts = ScriptDirectory.from_config(migrations.configuration())
    assert len(scripts.get_heads()) == 1
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"{script.revision}_")


@pytest.mark.parametrize("version", [migrations.newest(), *NEWER])
def test_a_database_at_this_version_or_a_newer_one_is_ready(migrated: Fresh, version: str) -> None:
    migrated.say(version)
    with Database(migrated.application_url) as database:
        database.check()
    assert migrated.says() == version


def test_an_older_database_is_not_ready_and_is_told_its_version(migrated: Fresh) -> None:
    with Database(migrated.application_url) as database:
        for version in migrations.chain()[:-1]:
            migrated.say(version)
            with pytest.raises(DatabaseBehind) as told:
                database.check()
            assert version in told.value.detail()
            assert f"deste programa: {migrations.newest()}. Rode quantyfy migrate" in told.value.detail()


def test_an_empty_database_is_not_ready_and_is_told_so(fresh: Fresh) -> None:
    with Database(fresh.owner_url) as database, pytest.raises(DatabaseBehind, match="Versão do banco: nenhuma;"):
        database.check()


@pytest.mark.parametrize("version", FOREIGN)
def test_a_version_that_is_none_of_ours_is_neither_ready_nor_touched(migrated: Fresh, version: str) -> None:
    migrated.say(version)
    with Database(migrated.application_url) as database, pytest.raises(ForeignDatabase):
        database.check()
    with pytest.raises(ForeignDatabase):
        migrations.upgrade(migrated.owner_url)
    assert migrated.says() == version


def test_two_versions_at_once_are_none_of_ours(migrated: Fresh) -> None:
    with migrated.connected() as connection:
        connection.execute(text("INSERT INTO alembic_version VALUES (:v)"), {"v": NEXT})
    with Database(migrated.application_url) as database, pytest.raises(ForeignDatabase):
        database.check()
    with pytest.raises(ForeignDatabase):
        migrations.upgrade(migrated.owner_url)


def migrate(*, database_url: str, owner_url: str) -> Result:
    """`quantyfy migrate` as an operator has it configured."""
    settings = {"QUANTYFY_DATABASE_URL": database_url, "QUANTYFY_OWNER_DATABASE_URL": owner_url}
    return CliRunner().invoke(app, ["migrate"], env=settings)


@pytest.mark.parametrize("version", NEWER)
def test_migrate_of_an_older_program_leaves_a_newer_database_as_it_is(migrated: Fresh, version: str) -> None:
    migrated.say(version)
    url = migrated.owner_url.replace("+psycopg", "")
    refused = migrate(database_url=url, owner_url=url)
    assert isinstance(refused.exception, DatabaseAhead)
    assert f"Versão do banco: {version}; deste programa: {migrations.newest()}." in refused.exception.detail()
    assert migrated.says() == version


def test_a_newer_home_is_left_as_it_is_by_an_older_program(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with bootstrap.opened(settings) as clients:
        owner = clients.database.url.replace(f"//{migrations.APPLICATION_ROLE}@", "//postgres@")
        Fresh(owner, owner).say(NEXT)
    for words in (["migrate"], ["account", "list"], ["serve", "--port", "0"], ["worker", "--until-idle"]):
        refused = CliRunner().invoke(app, words, env={"QUANTYFY_HOME": str(tmp_path)})
        assert isinstance(refused.exception, AppError), (words, refused.output)
        assert refused.exception.code == "database-ahead", words
    with running(tmp_path / "postgres") as url:
        home = Fresh(sqlalchemy_url(url), sqlalchemy_url(url))
        assert home.says() == NEXT
        home.say(migrations.newest())
    with bootstrap.opened(settings) as clients:
        clients.database.check()


def test_migrate_says_what_is_missing_or_away(tmp_path: Path) -> None:
    away = f"postgresql://dono:segredo@127.0.0.1:1/{tmp_path.name}"
    refused = migrate(database_url=away, owner_url=away)
    assert isinstance(refused.exception, AppError)
    assert refused.exception.code == "database-away"
    assert "127.0.0.1:1" in refused.exception.detail()
    assert "segredo" not in refused.exception.detail()
    with pytest.raises(AppError, match="QUANTYFY_OWNER_DATABASE_URL"):
        bootstrap.migrate(Settings(home=tmp_path, database_url=SecretStr(away)))


# --- expand, and contract a release later -------------------------------------------------------------------------

BEFORE_THE_RULE = {"0002"}  # it came before the first release
TAKES_AWAY = re.compile(
    r"""\bDROP\s+(TABLE|COLUMN|CONSTRAINT|INDEX|VIEW|TYPE|FUNCTION|TRIGGER|POLICY|SCHEMA|ROLE|SEQUENCE|DEFAULT)\b
    | \bRENAME\b | \bTRUNCATE\b | \bREVOKE\b
    | \bALTER\s+(COLUMN\s+)?\S+\s+(SET\s+DATA\s+)?TYPE\b
    | \bSET\s+NOT\s+NULL\b
    | \bADD\s+COLUMN\b(?![^,]*\bDEFAULT\b)[^,]*\bNOT\s+NULL\b
    | \bALTER\s+TABLE\b.*\bADD\s+(CONSTRAINT\b|CHECK\b|UNIQUE\b|PRIMARY\b|FOREIGN\b)
    | \bCREATE\s+UNIQUE\s+INDEX\b
    | \bAS\s+RESTRICTIVE\b""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
MAKES = re.compile(r"^\s*CREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)", re.IGNORECASE)
ON = re.compile(r"\b(?:ALTER\s+TABLE|ON)\s+(?:ONLY\s+)?(\w+)", re.IGNORECASE)


def taken_away(statements: list[str]) -> list[str]:
    """Statements that the release before may trip over; a table made in the same migration is nobody's yet."""
    new = {found[1].lower() for statement in statements if (found := MAKES.match(statement))}
    return [
        statement
        for statement in statements
        if TAKES_AWAY.search(statement) and not ((on := ON.search(statement)) and on[1].lower() in new)
    ]


def breaks_the_rule(revision: str, statements: list[str], *, unused_since: str | None) -> bool:
    """Whether a migration takes something away that is not said to be unused since an earlier version."""
    excused = unused_since in migrations.chain() and str(unused_since) < revision
    return bool(taken_away(statements)) and not excused


def test_a_migration_only_adds_or_takes_away_what_an_earlier_version_stopped_using(fresh: Fresh) -> None:
    for script, statements in run_one_by_one(fresh.owner_url):
        assert any(not statement.startswith(("SELECT", "UPDATE alembic")) for statement in statements)
        if script.revision not in BEFORE_THE_RULE:
            unused_since = getattr(script.module, "unused_since", None)
            broken = breaks_the_rule(script.revision, statements, unused_since=unused_since)
            assert not broken, (script.revision, taken_away(statements))


def run_one_by_one(owner_url: str) -> Iterator[tuple[Script, list[str]]]:
    """Every migration on a real database, with the statements that it sent."""
    engine = create_engine(owner_url)
    said: list[str] = []
    _listen(engine, said)
    scripts = ScriptDirectory.from_config(migrations.configuration())
    for revision in migrations.chain():
        said.clear()
        with engine.begin() as connection:
            command.upgrade(migrations.configuration(connection), revision)
        yield scripts.get_revision(revision), [statement.strip() for statement in said]
    engine.dispose()


def _listen(engine: Engine, said: list[str]) -> None:
    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:  # noqa: ANN401  SQLAlchemy's hook
        said.append(statement)

    event.listen(engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE companies DROP COLUMN state",
        "DROP TABLE uploads",
        "DROP INDEX uq_uploads_content",
        "ALTER TABLE companies RENAME COLUMN state TO uf",
        "ALTER TABLE companies RENAME TO shops",
        "ALTER TABLE companies ALTER COLUMN state TYPE INTEGER",
        "ALTER TABLE companies ALTER state SET DATA TYPE INTEGER",
        "ALTER TABLE companies ALTER COLUMN state SET NOT NULL",
        "ALTER TABLE companies ADD COLUMN uf TEXT NOT NULL",
        "alter table companies\n  add column uf text not null",
        "ALTER TABLE companies ADD CONSTRAINT ck CHECK (state <> '')",
        "CREATE UNIQUE INDEX uq ON companies (slug)",
        "REVOKE INSERT ON companies FROM quantyfy_app",
        "CREATE POLICY p ON companies AS RESTRICTIVE USING (true)",
        "TRUNCATE companies",
    ],
)
def test_the_rule_bites_and_is_excused_by_an_earlier_version_alone(statement: str) -> None:
    last, *_, first = migrations.chain()[::-1]
    assert breaks_the_rule(last, [statement], unused_since=None)
    assert breaks_the_rule(last, [statement], unused_since=last)
    assert breaks_the_rule(last, [statement], unused_since="sempre")
    assert not breaks_the_rule(last, [statement], unused_since=first)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE uploads_seen (id UUID NOT NULL, PRIMARY KEY (id))",
        "ALTER TABLE companies ADD COLUMN uf TEXT",
        "ALTER TABLE companies ADD COLUMN uf TEXT DEFAULT 'SP' NOT NULL",
        "CREATE INDEX ix ON companies (state)",
        "GRANT SELECT ON companies TO quantyfy_app",
        "CREATE POLICY of_queue ON companies USING (true)",
    ],
)
def test_what_only_adds_needs_no_excuse(statement: str) -> None:
    assert taken_away([statement]) == []


def test_a_table_made_in_the_same_migration_may_be_made_in_steps() -> None:
    made = "CREATE TABLE seen (id UUID)"
    assert (
        taken_away([made, "CREATE UNIQUE INDEX uq ON seen (id)", "ALTER TABLE seen ALTER COLUMN id SET NOT NULL"]) == []
    )
