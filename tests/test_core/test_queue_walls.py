"""The queue's tables straight in SQL: an account reaches its own jobs, the worker's connections every job."""

from contextlib import AbstractContextManager
from uuid import uuid4

import pytest
from procrastinate.exceptions import ConnectorException
from sqlalchemy import CursorResult, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.core.database import AccountId, Database
from app.core.queue import Job, JobName, JobQueue

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
