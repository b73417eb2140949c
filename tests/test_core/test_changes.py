"""Changes are heard at commit, whoever commits them; and what may have been missed is forgotten."""

import time
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from app.core.changes import Changes
from app.core.database import AccountId, Database
from app.core.tables import ApiKeyRow, CompanyRow
from tests.waiting import until


@pytest.fixture
def heard() -> "list[tuple[str, UUID]]":
    return []


def test_a_change_is_told_at_commit_and_not_before(
    database: Database, account: AccountId, heard: list[tuple[str, UUID]]
) -> None:
    with Changes(database) as changes:
        changes.subscribe(lambda table, whose: heard.append((table, whose)), interrupted=lambda: None)
        until(lambda: changes.is_listening)
        with database.session(account) as session:
            session.add(CompanyRow(account_id=account, id=uuid4(), cnpj="11222333000181", slug=uuid4().hex, name="A"))
            session.flush()
            time.sleep(0.1)
            assert heard == []
        until(lambda: heard == [("companies", account)])


def test_that_a_key_was_used_is_no_change_and_that_it_was_revoked_is(
    database: Database, account: AccountId, heard: list[tuple[str, UUID]]
) -> None:
    with database.session(account) as session:
        session.add(ApiKeyRow(account_id=account, name="k", prefix="qk_", key_hash=uuid4().bytes, scopes=["read"]))
    with Changes(database) as changes:
        changes.subscribe(lambda table, whose: heard.append((table, whose)), interrupted=lambda: None)
        until(lambda: changes.is_listening)
        for column in ("last_used_at", "revoked_at"):
            with database.session(account) as session:
                session.execute(text(f"UPDATE api_keys SET {column} = now()"))  # noqa: S608  a column of this test
        until(lambda: bool(heard))
    assert heard == [("api_keys", account)]


def test_a_lost_connection_forgets_everything_and_comes_back(database: Database, owner_url: str) -> None:
    interruptions: list[bool] = []
    with Changes(database) as changes:
        changes.subscribe(lambda *_: None, interrupted=lambda: interruptions.append(changes.is_listening))
        until(lambda: changes.is_listening)
        before = len(interruptions)
        kill_listeners(owner_url)
        until(lambda: len(interruptions) > before)
        until(lambda: changes.is_listening)
    assert not any(interruptions)
    assert not changes.is_listening


def kill_listeners(owner_url: str) -> None:
    with psycopg.connect(owner_url) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
