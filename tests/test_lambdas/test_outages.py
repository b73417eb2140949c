"""What goes away beneath the functions, S3, its keys, the database: it costs time and nothing else."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from app.core import migrations
from app.core.clients import Clients
from app.core.database import AccountId, Database
from app.core.embedded_postgres import running
from app.core.lake import IncomingKeys
from app.core.queue import JobQueue
from app.core.s3 import Credentials
from app.core.tables import AccountRow
from app.domain.uploads import UploadState
from app.pipeline.uploads import find_upload
from tests.conftest import sqlalchemy_url
from tests.relay import EXPIRED, SLOW_DOWN, Fault, Road, road_to
from tests.s3_server import S3Server
from tests.test_lambdas.conftest import NIGHTLY, Aws, created, reason
from tests.test_lambdas.credentials import Handout, Issuer, issuing
from tests.test_lambdas.runtime import Function, Invocation, deployed


@pytest.fixture(scope="module")
def road(s3_server: S3Server) -> Iterator[Road]:
    with road_to(s3_server.endpoint) as road:
        yield road


@pytest.fixture(scope="module")
def frail(environment: dict[str, str], road: Road, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Function]:
    """`process_handler` on a road to S3 that can break."""
    told = environment | {"QUANTYFY_S3_ENDPOINT": road.endpoint}
    with deployed("process_handler", told, folder=tmp_path_factory.mktemp("frail")) as function:
        yield function


def prepared(aws: Aws, clients: Clients, account: AccountId, upload: UUID, function: Function) -> Invocation:
    """Bring a delivery to its receipt, and have `function` prepare it."""
    invocation = function.invoke(created(f"{aws.prefix}/{aws.receive()}"))
    invocation.result()
    assert find_upload(clients, account, upload).state is UploadState.PREPARED
    assert sum("preparo_" in stored.key for stored in aws.lake.list("processed")) == 1
    return invocation


@pytest.mark.parametrize(("fault", "times", "tries"), [(SLOW_DOWN, 3, 1), (SLOW_DOWN, 8, 2), (EXPIRED, 1, 2)])
def test_an_s3_that_refuses_for_a_while_costs_time_and_nothing_else(  # noqa: PLR0913  a drawn table beside its fixtures
    *,
    aws: Aws,
    deliver: Callable[..., UUID],
    clients: Clients,
    account: AccountId,
    frail: Function,
    road: Road,
    fault: Fault,
    times: int,
    tries: int,
) -> None:
    upload = deliver()
    road.faults = [fault] * times
    assert prepared(aws, clients, account, upload, frail).tries == tries


def test_an_s3_that_goes_on_refusing_lands_with_its_reason_and_the_upload_waits(
    aws: Aws, deliver: Callable[..., UUID], clients: Clients, account: AccountId, frail: Function, road: Road
) -> None:
    upload = deliver()
    receipt = aws.receive()
    road.faults = [EXPIRED] * 3
    assert reason(frail, created(f"{aws.prefix}/{receipt}")).startswith("Unavailable: s3://lake/")
    assert find_upload(clients, account, upload).state is UploadState.RECEIVED
    frail.dead.clear()
    frail.invoke(created(f"{aws.prefix}/{receipt}")).result()  # as an operator sends it again from the queue
    assert find_upload(clients, account, upload).state is UploadState.PREPARED


def test_keys_of_s3_that_have_expired_are_asked_for_anew(  # noqa: PLR0913  the shop beside its keys
    *,
    aws: Aws,
    deliver: Callable[..., UUID],
    clients: Clients,
    account: AccountId,
    s3_server: S3Server,
    environment: dict[str, str],
    tmp_path: Path,
) -> None:
    """The first keys are none that the server knows any more; the next expire soon, so that each request asks again."""
    upload = deliver()
    stale = Handout(Credentials("velha", "segredo-velho"), lasts=timedelta(seconds=-1))
    short = Handout(s3_server.credentials, lasts=timedelta(minutes=1))
    issuer = Issuer(stale, short)
    told = {name: value for name, value in environment.items() if not name.startswith("AWS_")}
    with (
        issuing(issuer, folder=tmp_path) as where,
        deployed("process_handler", {**told, **where}, folder=tmp_path) as function,
    ):
        invocation = prepared(aws, clients, account, upload, function)
    assert [error["errorType"] for error in invocation.errors] == ["Unavailable"]
    assert issuer.asked > 2


def test_what_lost_its_events_is_carried_on_by_the_nightly_one(  # noqa: PLR0913  the shop beside its clock
    *,
    aws: Aws,
    deliver: Callable[..., UUID],
    clients: Clients,
    account: AccountId,
    frail: Function,
    road: Road,
    environment: dict[str, str],
    owner_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    upload = deliver()
    aws.receive()
    assert frail.invoke(NIGHTLY).result() == {"receipts": 0}, "their own events may still come"
    monkeypatch.setattr(road, "ages", timedelta(hours=2))
    with deployed("predict_handler", environment | {"QUANTYFY_S3_ENDPOINT": road.endpoint}, folder=tmp_path) as predict:
        for function, state in ((frail, UploadState.PREPARED), (predict, UploadState.PUBLISHED)):
            with psycopg.connect(owner_url) as connection:
                waits = "UPDATE uploads SET updated_at = updated_at - interval '2 hours' WHERE id = %s"
                connection.execute(waits, [upload])
            assert function.invoke(NIGHTLY).result() == {"receipts": 1}
            assert find_upload(clients, account, upload).state is state
            assert function.invoke(NIGHTLY).result() == {"receipts": 0}, "nobody waits any more"
    assert {stored.key.split("/")[0] for stored in aws.lake.list()} == {"raw", "processed", "predictions"}


AWAY_S = 30.5
PAUSE_S = 16  # AWS: one minute, then two


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a database lies that a test may stop."""
    return tmp_path / "postgres"


@pytest.fixture
def url_of_home(home: Path) -> str:
    """Its tables are made; it does not run."""
    with running(home) as owner:
        migrations.upgrade(sqlalchemy_url(owner))
        return owner.replace("//postgres@", f"//{migrations.APPLICATION_ROLE}@")


def test_a_database_that_is_away_for_half_a_minute_is_waited_for(
    *,
    aws: Aws,
    deliver: Callable[..., UUID],
    environment: dict[str, str],
    home: Path,
    url_of_home: str,
    tmp_path: Path,
) -> None:
    """It goes from beneath a function that has used it; two tries meet none, the third finds it: received, and once."""
    account = AccountId(uuid4())
    told = environment | {"QUANTYFY_DATABASE_URL": url_of_home}
    with deployed("upload_handler", told, folder=tmp_path, pause_s=PAUSE_S) as function:
        with running(home), Database(sqlalchemy_url(url_of_home)) as database:
            with database.session(account) as session:
                session.add(AccountRow(id=account, name="Conta de teste"))
            first = deliver(account=account)
            sent(function, aws, account, first).result()
        gone = time.monotonic()
        second = deliver(account=account, days=210)
        invocation = sent(function, aws, account, second)
        threading.Event().wait(AWAY_S - (time.monotonic() - gone))
        assert not invocation.over.is_set()
        with running(home), Database(sqlalchemy_url(url_of_home)) as database:
            assert invocation.result() == {"upload": str(second)}
            assert [error["errorType"] for error in invocation.errors] == ["OperationalError"] * 2
            clients = Clients(database=database, store=aws.lake, queue=JobQueue(url_of_home))
            states = [find_upload(clients, account, upload).state for upload in (first, second)]
            assert states == [UploadState.RECEIVED] * 2
    assert sum("envio_" in stored.key for stored in aws.lake.list("raw")) == 2


def sent(function: Function, aws: Aws, account: AccountId, upload: UUID) -> Invocation:
    """Tell the function of a delivery's manifest."""
    return function.invoke(created(f"{aws.prefix}/{IncomingKeys(account, upload).manifest}"))
