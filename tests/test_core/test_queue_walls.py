"""The queue's tables straight in SQL: an account reaches its own jobs, the worker's connections every job."""

import statistics
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from uuid import uuid4

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import CursorResult, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.core.database import AccountId, Database
from app.core.migrations import APPLICATION_ROLE, WORKER_ROLE
from app.core.queue import Job, JobName, JobQueue
from app.core.tables import Base

TABLES = ("procrastinate_jobs", "procrastinate_events", "procrastinate_workers", "procrastinate_periodic_defers")


@pytest.fixture
def theirs(queue: JobQueue, database: Database, account: AccountId) -> Job:
    """The only job there is, of an account that is not the one that asks."""
    job = Job(account, uuid4(), uuid4())
    with database.session(account) as session:
        queue.enqueue(session, JobName.PREPARE, job)
    return job


@pytest.fixture
def other(database: Database) -> AccountId:
    """An account that has no job."""
    del database
    return AccountId(uuid4())


def count(session: Session, table: str) -> int:
    return int(session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608  names of ours


def changed(session: Session, statement: str) -> int:
    outcome = session.execute(text(statement))
    assert isinstance(outcome, CursorResult)
    return outcome.rowcount


def _opened(database: Database, kind: str) -> AbstractContextManager[Session]:
    match kind:
        case "housekeeping":
            return database.housekeeping()
        case "presenting":
            return database.presenting("email", "ana@padaria.com.br")
        case _:
            return database._sessions.begin()


def test_an_account_sees_its_own_jobs_and_what_became_of_them(database: Database, theirs: Job) -> None:
    with database.session(theirs.account) as session:
        assert [count(session, table) for table in TABLES] == [1, 1, 0, 0]


def test_an_account_sees_no_job_of_another(database: Database, theirs: Job, other: AccountId) -> None:
    del theirs
    with database.session(other) as session:
        assert [count(session, table) for table in TABLES] == [0, 0, 0, 0]


@pytest.mark.parametrize("kind", ["nobody", "housekeeping", "presenting"])
def test_who_names_no_account_sees_no_job_either(database: Database, theirs: Job, kind: str) -> None:
    del theirs
    with _opened(database, kind) as session:
        assert [count(session, table) for table in TABLES] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE procrastinate_jobs SET status = 'cancelled'",
        'UPDATE procrastinate_jobs SET args = args || \'{"upload": "x"}\'',
        "DELETE FROM procrastinate_jobs",
        "DELETE FROM procrastinate_events",
        "UPDATE procrastinate_events SET at = now()",
    ],
)
def test_an_account_changes_no_job_of_another(
    database: Database, theirs: Job, other: AccountId, statement: str
) -> None:
    with database.session(other) as session:
        assert changed(session, statement) == 0
    with database.session(theirs.account) as session:
        assert changed(session, statement) == 1
        session.rollback()


def test_an_account_forgets_no_job_of_another_even_by_its_companys_id(
    database: Database, theirs: Job, other: AccountId
) -> None:
    with database.session(other) as session:
        assert JobQueue.forget(session, theirs.company) == 0
    with database.session(theirs.account) as session:
        assert JobQueue.forget(session, theirs.company) == 1


def test_an_account_asks_for_no_job_in_the_name_of_another(queue: JobQueue, database: Database, theirs: Job) -> None:
    with pytest.raises(ConnectorException) as refused, database.session(AccountId(uuid4())) as session:
        queue.enqueue(session, JobName.ERASE, theirs)
    assert "row-level security" in str(refused.value.__cause__)


@pytest.mark.parametrize(
    "function", ["procrastinate_finish_job_v1(%s, 'failed', true)", "procrastinate_cancel_job_v1(%s, true, true)"]
)
def test_the_queues_own_functions_do_no_more_than_the_account_may(
    database: Database, theirs: Job, other: AccountId, function: str
) -> None:
    with database.queueing() as session:
        identity = session.execute(text("SELECT id FROM procrastinate_jobs")).scalar_one()
    try:
        with database.session(other) as session:
            session.execute(text(f"SELECT {function % identity}"))
    except DBAPIError as error:
        assert "not found" in str(error)  # noqa: PT017  one of the two functions says nothing
    with database.session(theirs.account) as session:
        assert session.execute(text("SELECT status::text FROM procrastinate_jobs")).scalar_one() == "todo"


def test_the_right_to_see_every_job_ends_where_an_account_is_named(
    database: Database, theirs: Job, other: AccountId
) -> None:
    del theirs
    with database.queueing() as session:
        assert count(session, "procrastinate_jobs") == 1
        session.execute(text("SELECT set_config('app.account_id', :other, true)"), {"other": str(other)})
        assert count(session, "procrastinate_jobs") == 0


def test_a_pooled_connection_does_not_carry_the_right_on(database: Database, theirs: Job) -> None:
    del theirs
    for _ in range(3):
        with database.queueing() as session:
            assert count(session, "procrastinate_jobs") == 1
        with database._sessions.begin() as session:
            assert count(session, "procrastinate_jobs") == 0


@pytest.fixture
def worker(queue: JobQueue) -> Iterator[psycopg.Connection]:
    """A connection as a worker makes it."""
    with psycopg.connect(queue._conninfo()) as connection:
        yield connection


def seen_by(connection: psycopg.Connection, table: str) -> int:
    [found] = connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)  # noqa: S608  names of ours
    return int(found)


@pytest.mark.usefixtures("theirs")
def test_the_worker_sees_every_job_in_no_accounts_name(worker: psycopg.Connection) -> None:
    assert worker.execute("SELECT current_user").fetchone() == (WORKER_ROLE,)
    assert [seen_by(worker, table) for table in TABLES[:2]] == [1, 1]


@pytest.mark.parametrize("table", [*sorted(Base.metadata.tables), "alembic_version"])
def test_the_workers_role_reaches_no_table_of_an_account(worker: psycopg.Connection, theirs: Job, table: str) -> None:
    for named in ("", str(theirs.account)):  # not even by naming one: its stories have sessions of their own
        worker.execute("SELECT set_config('app.account_id', %s, true)", [named])
        for statement in (f"SELECT FROM {table}", f"DELETE FROM {table}", f"TRUNCATE {table}"):  # noqa: S608
            with pytest.raises(InsufficientPrivilege), worker.transaction():
                worker.execute(statement)


def test_the_workers_role_reaches_nothing_but_the_queue(owner_url: str) -> None:
    with psycopg.connect(owner_url) as owner:
        reached = owner.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
            " AND CASE relkind WHEN 'S' THEN has_sequence_privilege(%(role)s, oid, 'USAGE, SELECT, UPDATE')"
            " ELSE has_table_privilege(%(role)s, oid, 'SELECT, INSERT, UPDATE, DELETE') END",
            {"role": WORKER_ROLE},
        ).fetchall()
        role = owner.execute(
            "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = %s",
            [WORKER_ROLE],
        ).fetchone()
    assert {name for (name,) in reached} >= set(TABLES)
    assert all(name.startswith("procrastinate_") for (name,) in reached)
    assert role == (False,) * 5


def test_the_application_has_none_of_the_workers_rights_until_it_becomes_it(owner_url: str) -> None:
    with psycopg.connect(owner_url) as owner:
        may = owner.execute(
            "SELECT pg_has_role(%(app)s, %(worker)s, 'USAGE'), pg_has_role(%(app)s, %(worker)s, 'SET')",
            {"app": APPLICATION_ROLE, "worker": WORKER_ROLE},
        ).fetchone()
    assert may == (False, True)


WAITING = 20_000
AT_ONCE = 20


def crowd(owner: psycopg.Connection) -> None:
    """Jobs of many companies, and of many accounts."""
    owner.execute(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, lock, args) SELECT 'work', 'prepare',"
        " md5((n %% (%(n)s / 4))::text), jsonb_build_object('account', md5((n %% 500)::text)::uuid)"
        " FROM generate_series(1, %(n)s) AS n",
        {"n": WAITING},
    )


def fetch(connection: psycopg.Connection) -> int:
    """Take jobs one by one, as procrastinate does, and put them back; how many there were.

    Several in one statement: on a busy machine a single one's time is that of waiting for a core.
    """
    with connection.transaction(force_rollback=True):
        taken = connection.execute(
            "SELECT (procrastinate_fetch_job_v2('{work,housekeeping}', NULL)).id FROM generate_series(1, %s)",
            [AT_ONCE],
        ).fetchall()
    return sum(identity is not None for (identity,) in taken)


def fetch_s(connection: psycopg.Connection) -> float:
    began = time.perf_counter()
    assert fetch(connection) == AT_ONCE
    return time.perf_counter() - began


def test_taking_a_job_costs_the_worker_what_it_costs_the_owner(queue: JobQueue, owner_url: str) -> None:
    with (
        psycopg.connect(owner_url, autocommit=True) as owner,
        psycopg.connect(queue._conninfo(), autocommit=True) as waiting,
        psycopg.connect(queue._conninfo(), autocommit=True) as fresh,
    ):
        owner.execute("TRUNCATE procrastinate_jobs CASCADE")
        assert fetch(waiting) == 0  # a plan made for an empty table is kept
        crowd(owner)
        surprised = [fetch_s(waiting) for _ in range(15)]  # no statistics tell of so many jobs yet
        owner.execute("ANALYZE procrastinate_jobs")
        times = [[fetch_s(one) for one in (owner, waiting, fresh)] for _ in range(15)]
        owner.execute("TRUNCATE procrastinate_jobs CASCADE")
    owners, *workers = (statistics.median(column) for column in zip(*times, strict=True))
    assert max(*workers, statistics.median(surprised)) <= 3 * owners
