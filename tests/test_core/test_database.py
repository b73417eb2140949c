from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError

from app.core import migrations
from app.core.database import AccountId, Database
from app.core.security import make_key
from app.core.tables import AccountRow, ApiKeyRow, Base, CompanyRow
from app.domain.errors import Busy, ForeignDatabase
from tests.conftest import sqlalchemy_url


def test_a_session_sees_its_own_account_and_no_other(database: Database, account: AccountId) -> None:
    other = AccountId(uuid4())
    with database.session(other) as session:
        session.add(AccountRow(id=other, name="Outra"))
    with database.session(account) as session:
        assert session.scalars(select(AccountRow.id)).all() == [account]


def test_a_query_that_names_another_account_finds_nothing(database: Database, account: AccountId) -> None:
    with database.session(account) as session:
        session.add(CompanyRow(account_id=account, cnpj="11222333000181", slug="a", name="A"))
    with database.session(AccountId(uuid4())) as session:
        assert session.scalars(select(CompanyRow).where(CompanyRow.account_id == account)).all() == []


def test_a_row_for_another_account_cannot_be_written(database: Database, account: AccountId) -> None:
    row = CompanyRow(account_id=uuid4(), cnpj="11222333000181", slug="a", name="A")
    with pytest.raises(DBAPIError, match="row-level security"), database.session(account) as session:
        session.add(row)


def test_a_pooled_connection_carries_no_account_on(application_url: str, account: AccountId) -> None:
    with Database(sqlalchemy_url(application_url)) as database:  # a pool with one connection in it
        _check_one_after_another(database, account)


def _check_one_after_another(database: Database, account: AccountId) -> None:
    with database.session(account) as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
    with database._engine.begin() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) == pid
        assert connection.scalar(text("SELECT count(*) FROM accounts")) == 0


def test_the_application_role_owns_nothing_and_bypasses_nothing(database: Database) -> None:
    with database._engine.begin() as connection:
        role = connection.execute(
            text("SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user")
        ).one()
        owned = connection.scalar(text("SELECT count(*) FROM pg_tables WHERE tableowner = current_user"))
    assert tuple(role) == (False, False, False, False)
    assert owned == 0


def test_every_table_is_under_forced_row_level_security(database: Database) -> None:
    """The queue's too; only the schema's own version is everybody's."""
    with database._engine.begin() as connection:
        rows = connection.execute(
            text(
                "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class "
                "WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
            )
        ).all()
    assert {name for name, is_walled in rows if not is_walled} == {"alembic_version"}
    assert {name for name, _ in rows} > set(Base.metadata.tables)


def test_a_presented_key_shows_its_own_row_alone(database: Database, account: AccountId) -> None:
    keys = [make_key(), make_key()]
    with database.session(account) as session:
        session.add_all(ApiKeyRow(account_id=account, name="k", prefix=k.prefix, key_hash=k.key_hash) for k in keys)
    with database.presenting("key_hash", keys[0].key_hash) as session:
        assert session.scalars(select(ApiKeyRow.key_hash)).all() == [keys[0].key_hash]
        assert session.scalars(select(AccountRow)).all() == []


def test_there_is_one_newest_version_and_the_models_match_it(owner_url: str) -> None:
    assert len(ScriptDirectory.from_config(migrations.configuration()).get_heads()) == 1
    engine = create_engine(sqlalchemy_url(owner_url))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"include_name": _is_ours})
            assert compare_metadata(context, Base.metadata) == []
    finally:
        engine.dispose()


def test_many_processes_may_migrate_at_once(owner_url: str) -> None:
    url = sqlalchemy_url(owner_url)
    with ThreadPoolExecutor(4) as pool:
        for migration in [pool.submit(migrations.upgrade, url) for _ in range(4)]:
            migration.result()


def test_a_database_at_another_version_is_not_ready(owner_url: str, database: Database) -> None:
    engine = create_engine(sqlalchemy_url(owner_url))
    try:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'older'"))
        with pytest.raises(ForeignDatabase, match="older"):
            database.check()
    finally:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": migrations.newest()})
        engine.dispose()
    database.check()


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind == "table" and (name or "").startswith("procrastinate"))


def test_turns_of_one_company_never_overlap(database: Database) -> None:
    company, inside, most = uuid4(), count(), []

    def take(_: int) -> None:
        with database.turn(company, patience=timedelta(seconds=30)):
            database.check()  # more wait than the pool has connections, and this one still gets its own
            before = next(inside)
            most.append(next(inside) - before)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(take, range(20)))
    assert most == [1] * 20


def test_who_waits_too_long_for_a_turn_is_told_so_and_others_are_not_kept(database: Database) -> None:
    company = uuid4()
    with database.turn(company, patience=timedelta(seconds=1)):
        with pytest.raises(Busy), database.turn(company, patience=timedelta(milliseconds=50)):
            pass
        with database.turn(uuid4(), patience=timedelta(milliseconds=50)):
            pass
    with database.turn(company, patience=timedelta(milliseconds=50)):
        pass


def test_a_password_is_asked_for_every_connection(application_url: str) -> None:
    asked = count()
    with Database(sqlalchemy_url(application_url), password=lambda: f"senha {next(asked)}") as opened:
        for _ in range(3):
            opened.check()
            opened.close()
    assert next(asked) == 3


def test_on_rds_the_application_signs_in_as_the_machines_role(owner_url: str) -> None:
    engine = create_engine(sqlalchemy_url(owner_url))
    with engine.begin() as connection:
        connection.execute(text("CREATE ROLE rds_iam"))
    migrations.upgrade(sqlalchemy_url(owner_url))
    with engine.begin() as connection:
        member = text("SELECT pg_has_role(:role, 'rds_iam', 'MEMBER')")
        assert connection.execute(member, {"role": migrations.APPLICATION_ROLE}).scalar_one()
        connection.execute(text("DROP ROLE rds_iam"))
    engine.dispose()
