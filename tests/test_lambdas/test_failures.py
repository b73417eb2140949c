"""What goes wrong around the functions: nothing is lost, nothing is doubled, and what cannot be done says why."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.core import migrations
from app.core.clients import Clients
from app.core.database import AccountId, Database
from app.core.embedded_postgres import running
from app.core.queue import JobQueue
from app.core.tables import AccountRow
from app.domain.uploads import UploadState
from app.pipeline.uploads import find_upload
from tests.conftest import sqlalchemy_url
from tests.s3_server import S3Server
from tests.test_lambdas.conftest import RULES, Aws, created
from tests.test_lambdas.faulty_s3 import EXPIRED, SLOW_DOWN, Fault, Road, road_to
from tests.test_lambdas.runtime import RETRIES, Function, Invocation, deployed

HOME = "padaria-sao-joao/11222333000181"
SOMEONE = UUID(int=5)


def spoilt(**changes: object) -> dict[str, object]:
    return created("raw/x") | {name.replace("_", "-"): value for name, value in changes.items()}


def reason(function: Function, event: object) -> str:
    """Send an event that cannot be done; the words it lands with in the dead-letter queue, event and all."""
    invocation = function.invoke(event)
    assert invocation.over.wait(120)
    [dead] = function.dead
    assert dead is invocation
    assert dead.tries == len(dead.errors) == 1 + RETRIES
    return f"{dead.errors[-1]['errorType']}: {dead.errors[-1]['errorMessage']}"


@pytest.mark.parametrize(
    "event",
    [
        None,
        "Object Created",
        [],
        {},
        spoilt(source="aws.ec2"),
        spoilt(detail_type="Object Deleted"),
        spoilt(detail={}),
        spoilt(detail={"bucket": {"name": "lake"}, "object": {"key": 7}}),
        created(""),
    ],
)
def test_a_malformed_event_lands_with_its_reason(aws: Aws, event: object) -> None:
    assert reason(aws.functions["process_handler"], event).startswith("ValidationError: ")


@pytest.mark.parametrize("name", RULES)
def test_an_object_of_another_bucket_or_outside_the_lake_is_refused(aws: Aws, name: str) -> None:
    function = aws.functions[name]
    assert "not an object of s3://lake/" in reason(function, created("raw/x/y/z", bucket="other"))
    function.dead.clear()
    assert "not an object of s3://lake/" in reason(function, created(f"raw/{HOME}/envio_x.json"))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("upload_handler", "incoming/x.csv"),
        ("upload_handler", f"incoming/{SOMEONE}/../envio.json"),
        ("upload_handler", f"raw/{HOME}/envio_x.json"),
        ("process_handler", "raw/envio_x.json"),
        ("process_handler", "raw/padaria/11222333000180/envio_x.json"),
        ("predict_handler", "processed/Padaria/11222333000181/preparo_x.json"),
    ],
)
def test_a_key_outside_the_layout_lands_with_its_reason(aws: Aws, name: str, key: str) -> None:
    said = reason(aws.functions[name], created(f"{aws.prefix}/{key}"))
    assert said.startswith("ValueError: not a key of the lake's layout")


def test_a_delivery_of_no_account_lands_with_its_reason(aws: Aws) -> None:
    key = f"incoming/{SOMEONE}/{SOMEONE}/envio.json"
    aws.lake.put(key, b"{}")
    assert "no account" in reason(aws.functions["upload_handler"], created(f"{aws.prefix}/{key}"))


def test_a_manifest_nobody_can_read_lands_with_its_reason(aws: Aws, account: AccountId) -> None:
    key = f"incoming/{account}/{SOMEONE}/envio.json"
    aws.lake.put(key, b'{"cnpj": "11222333000181"}')
    assert "not a manifest" in reason(aws.functions["upload_handler"], created(f"{aws.prefix}/{key}"))
    assert aws.lake.exists(key), "nothing is thrown away that was not understood"


def test_a_receipt_beneath_another_companys_prefix_is_refused(
    aws: Aws, deliver: Callable[..., UUID], clients: Clients, account: AccountId
) -> None:
    upload = deliver()
    seen: set[str] = set()
    aws.carry(seen)
    [receipt] = [stored.key for stored in aws.lake.list("raw") if "envio_" in stored.key]
    forged = "raw/outra-padaria/11444777000161/2026/11/22/envio_x.json"
    aws.lake.put(forged, aws.lake.get(receipt))
    said = reason(aws.functions["process_handler"], created(f"{aws.prefix}/{forged}"))
    assert "of another company than its key" in said
    assert find_upload(clients, account, upload).state is UploadState.RECEIVED


def test_a_receipt_that_is_none_lands_with_its_reason(aws: Aws) -> None:
    key = f"raw/{HOME}/2026/11/22/envio_x.json"
    aws.lake.put(key, b"[1, 2]")
    assert "not a receipt" in reason(aws.functions["process_handler"], created(f"{aws.prefix}/{key}"))


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("process_handler", f"raw/{HOME}/2026/11/22/envio_x.json"),
        ("predict_handler", f"processed/{HOME}/preparo_x.json"),
    ],
)
def test_a_receipt_deleted_before_the_function_ran_asks_for_nothing(aws: Aws, name: str, key: str) -> None:
    assert aws.send(name, key).result() == {"upload": None}


def test_a_raw_file_that_is_gone_fails_the_upload_and_lands_with_its_reason(
    aws: Aws, deliver: Callable[..., UUID], clients: Clients, account: AccountId
) -> None:
    upload = deliver()
    seen: set[str] = set()
    aws.carry(seen)
    [receipt] = [stored.key for stored in aws.lake.list("raw") if "envio_" in stored.key]
    aws.lake.delete([stored.key for stored in aws.lake.list("raw") if "vendas_itens" in stored.key])
    said = reason(aws.functions["process_handler"], created(f"{aws.prefix}/{receipt}"))
    assert said.startswith("ObjectMissing: O objeto raw/")
    found = find_upload(clients, account, upload)
    assert found.state is UploadState.FAILED
    assert found.error is not None
    assert found.error["code"] == "object-missing"


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
    seen: set[str] = set()
    aws.carry(seen)
    [receipt] = [stored.key for stored in aws.lake.list("raw") if "envio_" in stored.key]
    invocation = function.invoke(created(f"{aws.prefix}/{receipt}"))
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
    seen: set[str] = set()
    aws.carry(seen)
    [receipt] = [stored.key for stored in aws.lake.list("raw") if "envio_" in stored.key]
    road.faults = [EXPIRED] * 3
    assert reason(frail, created(f"{aws.prefix}/{receipt}")).startswith("Unavailable: s3://lake/")
    assert find_upload(clients, account, upload).state is UploadState.RECEIVED
    frail.dead.clear()
    frail.invoke(created(f"{aws.prefix}/{receipt}")).result()  # as an operator sends it again from the queue
    assert find_upload(clients, account, upload).state is UploadState.PREPARED


def test_a_database_that_is_away_is_waited_for(
    s3_server: S3Server, environment: dict[str, str], tmp_path: Path, deliver: Callable[..., Any], aws: Aws
) -> None:
    """Two tries meet no database; the third finds it, and the delivery is received once."""
    home = tmp_path / "postgres"
    with running(home) as owner:
        migrations.upgrade(sqlalchemy_url(owner))
        url = owner.replace("//postgres@", f"//{migrations.APPLICATION_ROLE}@")
        account = AccountId(uuid4())
        with Database(sqlalchemy_url(url)) as database, database.session(account) as session:
            session.add(AccountRow(id=account, name="Conta de teste"))
    told = environment | {"QUANTYFY_DATABASE_URL": url}
    upload = deliver(account=account)
    key = f"incoming/{account}/{upload}/envio.json"
    with deployed("upload_handler", told, folder=tmp_path, pause_s=3) as function:
        invocation = function.invoke(created(f"{aws.prefix}/{key}"))
        _wait_for_failures(invocation, 2)
        with running(home), Database(sqlalchemy_url(url)) as database:
            assert invocation.result() == {"upload": str(upload)}
            assert [error["errorType"] for error in invocation.errors] == ["OperationalError"] * 2
            clients = Clients(database=database, store=s3_server.store(aws.prefix), queue=JobQueue(url))
            assert find_upload(clients, account, upload).state is UploadState.RECEIVED


def _wait_for_failures(invocation: Invocation, count: int) -> None:
    tick = threading.Event()
    for _ in range(1200):
        if len(invocation.errors) >= count:
            return
        tick.wait(0.1)
    raise AssertionError("the function does not notice")
