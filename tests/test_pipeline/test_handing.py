"""From story to story: who does the next stage, and that twenty who come at once do it once."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import IncomingKeys, is_receipt
from app.core.queue import Job, JobName
from app.core.s3 import Store
from app.domain.cnpj import Cnpj
from app.domain.errors import Busy, MissingTable, ObjectMissing, UnknownCompany
from app.domain.uploads import UploadState
from app.pipeline.companies import company_by_id, find_company
from app.pipeline.handing import follow, follow_missed, take_over
from app.pipeline.incoming import job_of, receive_delivered, take_in, take_over_delivered
from app.pipeline.intake import Delivery, receive
from app.pipeline.preparation import prepare_upload
from app.pipeline.uploads import begin, find_upload
from app.processing.reader.sheets import Limits
from app.worker import given_up
from tests.shop import CNPJ, write_shop

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
Deliver = Callable[[Clients], Job]


@pytest.fixture
def deliver(account: AccountId, tmp_path: Path) -> Deliver:
    def receive_shop(clients: Clients) -> Job:
        files = write_shop(tmp_path / "files")
        delivery = Delivery(account=account, cnpj=Cnpj(CNPJ), company_name="Padaria São João Ltda", files=files)
        upload = receive(clients, delivery, now=NOW)
        with clients.database.session(account) as session:
            return Job(account, find_company(session, Cnpj(CNPJ)).id, upload)

    return receive_shop


@pytest.fixture
def delivered(clients: Clients, account: AccountId, tmp_path: Path) -> IncomingKeys:
    """A shop's files in `incoming/`, the manifest last."""
    keys = IncomingKeys(account, uuid4())
    files = write_shop(tmp_path / "delivered")
    for file in files:
        clients.store.put(keys.file(file.path.name), file.path)
    write_manifest(clients, keys, [file.path.name for file in files])
    return keys


def write_manifest(clients: Clients, keys: IncomingKeys, names: list[str]) -> None:
    listed = [{"key": name, "name": name} for name in names]
    manifest = {"cnpj": CNPJ, "company_name": "Padaria São João Ltda", "files": listed}
    clients.store.put(keys.manifest, json.dumps(manifest).encode(), if_absent=False)


def waiting(clients: Clients) -> int:
    with clients.database.queueing() as session:
        counted = session.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'work'"))
        return int(counted.scalar_one())


def receipts(clients: Clients) -> list[str]:
    return [stored.key for stored in clients.store.list() if is_receipt(stored.key)]


@pytest.mark.parametrize(("limit", "jobs", "asked"), [(0, 1, 0), (1, 1, 0), (1_000_000, 0, 1)])
def test_what_is_too_large_for_a_function_is_the_workers(
    clients: Clients, deliver: Deliver, limit: int, jobs: int, asked: int
) -> None:
    deliver(replace(clients, functions_up_to=limit))
    assert (waiting(clients), len(receipts(clients))) == (jobs, asked)


def test_the_worker_hands_a_small_forecast_back_to_a_function(clients: Clients, deliver: Deliver) -> None:
    job = deliver(clients)
    prepare_upload(replace(clients, functions_up_to=10_000_000), job, now=NOW)
    [receipt] = receipts(clients)
    assert receipt.startswith("processed/")
    assert waiting(clients) == 1, "the preparation's own job, which the worker is at"


def test_twenty_at_once_do_it_once(clients: Clients, deliver: Deliver, account: AccountId) -> None:
    small = replace(clients, functions_up_to=10_000_000)
    job = deliver(small)
    [receipt] = receipts(clients)
    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(lambda _: follow(small, receipt, story=prepare_upload, now=NOW), range(20)))
    assert told == [job.upload] * 20
    assert find_upload(clients, account, job.upload).state is UploadState.PREPARED
    assert len(receipts(clients)) == 2
    months = [stored.key for stored in clients.store.list("processed") if "itens_" in stored.key]
    assert len(months) == 7


def test_who_waits_in_vain_says_so_and_changes_nothing(clients: Clients, deliver: Deliver, account: AccountId) -> None:
    job = deliver(replace(clients, functions_up_to=1_000_000))
    [receipt] = receipts(clients)
    with clients.database.turn(job.company, patience=timedelta(seconds=1)), pytest.raises(Busy):
        follow(clients, receipt, story=prepare_upload, now=NOW, patience=timedelta(milliseconds=20))
    assert find_upload(clients, account, job.upload).state is UploadState.RECEIVED


def test_the_nightly_round_finds_what_an_event_left_undone_and_goes_on_past_what_it_cannot_do(
    clients: Clients, deliver: Deliver, account: AccountId
) -> None:
    job = deliver(replace(clients, functions_up_to=1_000_000))
    with clients.database.session(account) as session:
        home = company_by_id(session, job.company).keys.raw_receipt(at=NOW).rsplit("/", 1)[0]
    clients.store.put(f"{home}/envio_a.json", b"not a receipt")
    round_at = partial(follow_missed, clients, "raw", story=prepare_upload)
    assert round_at(now=datetime.now(UTC)) == 0, "their own events are still under way"
    with pytest.raises(ExceptionGroup, match=r"1 of 2 receipts in raw: .*envio_a\.json: ValueError: not a receipt"):
        round_at(now=datetime.now(UTC) + timedelta(hours=2))
    assert find_upload(clients, account, job.upload).state is UploadState.PREPARED
    assert round_at(now=datetime.now(UTC) + timedelta(hours=2)) == 0, "nobody waits any more"
    assert round_at(now=datetime.now(UTC) + timedelta(days=3)) == 0


def test_an_account_that_is_none_of_ours_has_no_receipt(clients: Clients) -> None:
    stranger = Job(AccountId(uuid4()), uuid4(), uuid4())
    key = "raw/padaria/11222333000181/2026/11/22/envio_x.json"
    content = "{" + ", ".join(f'"{name}": "{value}"' for name, value in stranger._asdict().items()) + "}"
    clients.store.put(key, content.encode())
    with pytest.raises(Exception, match="No row was found"):
        follow(clients, key, story=prepare_upload, now=NOW)


@pytest.fixture
def alone(owner_url: str) -> None:
    """No other test's upload waits any more."""
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE uploads SET state = 'failed'")


def an_hour_later(*, hours: float = 1.1) -> datetime:
    return datetime.now(UTC) + timedelta(hours=hours)  # of the row's own clock, which is PostgreSQL's


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("began", [UploadState.RECEIVED, UploadState.PREPARING])
def test_an_upload_that_functions_died_at_is_the_workers_after_an_hour(
    clients: Clients, deliver: Deliver, account: AccountId, began: UploadState
) -> None:
    small = replace(clients, functions_up_to=1_000_000)
    job = deliver(small)
    begin(clients, job, began)
    assert take_over(small, now=an_hour_later(hours=0.9)) == 0, "its own event is still under way"
    assert take_over(small, now=an_hour_later()) == 1
    assert take_over(small, now=an_hour_later()) == 0, "the worker has it"
    done: list[Job] = []

    def prepare(asked: Job) -> None:
        prepare_upload(replace(clients, functions_up_to=0), asked, now=NOW)
        done.append(asked)

    handlers = {JobName.PREPARE: prepare, JobName.FORECAST: done.append}
    clients.queue.work(handlers, give_up=never, concurrency=1, until_idle=True)
    assert done == [job, job]
    assert find_upload(clients, account, job.upload).state is UploadState.PREPARED


@pytest.mark.usefixtures("alone")
def test_a_forecast_that_functions_died_at_is_the_workers_after_an_hour(clients: Clients, deliver: Deliver) -> None:
    small = replace(clients, functions_up_to=10_000_000)
    job = deliver(small)
    prepare_upload(small, job, now=NOW)
    begin(clients, job, UploadState.FORECASTING)
    assert take_over(small, now=an_hour_later()) == 1
    with clients.database.queueing() as session:
        asked = session.execute(text("SELECT task_name FROM procrastinate_jobs WHERE queue_name = 'work'"))
        assert asked.scalars().all() == ["forecast"]


@pytest.mark.usefixtures("alone")
def test_what_kills_the_worker_too_ends_in_words(clients: Clients, deliver: Deliver, account: AccountId) -> None:
    small = replace(clients, functions_up_to=1_000_000)
    job = deliver(small)
    take_over(small, now=an_hour_later())
    given_up(clients, job, None)  # as the queue does with a job whose workers died four times
    found = find_upload(clients, account, job.upload)
    assert (found.state, found.error and found.error["code"]) == (UploadState.FAILED, "unexpected")
    with clients.database.session(account) as session:
        clients.queue.forget(session, job.company)
    assert take_over(small, now=an_hour_later()) == 0, "it has its end"


@pytest.mark.parametrize(
    ("error", "said"),
    [(KeyError("x"), "KeyError"), (ObjectMissing(key="raw/x"), "ObjectMissing"), (None, "its workers died")],
)
def test_a_job_given_up_wakes_an_operator_with_its_reason(
    clients: Clients, deliver: Deliver, account: AccountId, error: Exception | None, said: str
) -> None:
    job = deliver(clients)
    with capture_logs() as lines:
        given_up(clients, job, error)
    assert lines == [{"event": "job given up", "log_level": "error", "upload_id": str(job.upload), "error": said}]
    assert find_upload(clients, account, job.upload).state is UploadState.FAILED


def test_what_is_the_customers_to_mend_wakes_nobody(clients: Clients, deliver: Deliver, account: AccountId) -> None:
    job = deliver(clients)
    with capture_logs() as lines:
        given_up(clients, job, MissingTable())
    assert lines == []
    assert find_upload(clients, account, job.upload).state is UploadState.FAILED


@pytest.mark.parametrize(("limit", "jobs", "left"), [(0, 1, 4), (1, 1, 4), (1_000_000, 0, 0)])
def test_a_delivery_too_large_for_a_function_is_the_workers(
    clients: Clients, delivered: IncomingKeys, limit: int, jobs: int, left: int
) -> None:
    upload = take_in(replace(clients, functions_up_to=limit), delivered.manifest, now=NOW)
    assert upload == (None if jobs else delivered.upload)
    assert (waiting(clients), len(list(clients.store.list("incoming")))) == (jobs, left)


def test_packed_files_weigh_what_they_unpack_to(clients: Clients, account: AccountId) -> None:
    for name, jobs in (("items.csv", 0), ("ITEMS.ZIP", 1), ("items.xlsx", 2)):
        keys = IncomingKeys(account, uuid4())
        clients.store.put(keys.file(name), b"x" * 1_000)
        write_manifest(clients, keys, [name])
        take_in(replace(clients, functions_up_to=5_000), keys.manifest, now=NOW)
        assert waiting(clients) == jobs


def test_the_worker_receives_once_what_many_events_handed_to_it(
    clients: Clients, delivered: IncomingKeys, account: AccountId
) -> None:
    small = replace(clients, functions_up_to=1)
    for stored in list(clients.store.list(delivered.folder)):
        assert take_in(small, stored.key, now=NOW) is None
    assert waiting(clients) == 1
    clients.queue.work(
        {JobName.RECEIVE: partial(receive_delivered, small, now=NOW)}, give_up=never, concurrency=1, until_idle=True
    )
    assert find_upload(clients, account, delivered.upload).state is UploadState.RECEIVED
    assert list(clients.store.list("incoming")) == []
    assert take_in(small, delivered.manifest, now=NOW) is None, "an event that comes late"
    assert receive_delivered(small, job_of(delivered), now=NOW) is None, "a job that is repeated"
    assert waiting(clients) == 1, "the preparation, which is too large as well"


def test_more_than_an_upload_may_weigh_is_refused_and_never_fetched(
    clients: Clients, delivered: IncomingKeys, account: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Limits, "max_bytes", 1_000)
    fetched: list[str] = []
    monkeypatch.setattr(Store, "download", lambda _, key, path: fetched.append(f"{key} {path}"))
    receive_delivered(clients, job_of(delivered), now=NOW)
    found = find_upload(clients, account, delivered.upload)
    assert (found.state, found.error and found.error["code"]) == (UploadState.FAILED, "upload-too-large")
    assert (fetched, list(clients.store.list("incoming"))) == ([], [])


def test_a_manifest_too_large_to_be_one_is_not_read(clients: Clients, account: AccountId) -> None:
    keys = IncomingKeys(account, uuid4())
    clients.store.put(keys.manifest, b" " * 1_000_001)
    with pytest.raises(ValueError, match="not a manifest: 1000001 bytes"):
        take_in(clients, keys.manifest, now=NOW)


def test_a_delivery_that_functions_died_at_is_the_workers_once_after_an_hour(
    clients: Clients, delivered: IncomingKeys, account: AccountId
) -> None:
    clients.store.put(f"incoming/{uuid4()}/{uuid4()}/envio.json", b"of no account of ours")
    clients.store.put("incoming/perdido/envio.json", b"outside the layout")
    assert take_over_delivered(clients, now=an_hour_later(hours=0.9)) == 0, "its own events are still under way"
    assert take_over_delivered(clients, now=an_hour_later()) == 1
    assert take_over_delivered(clients, now=an_hour_later()) == 0, "the worker has it"
    story = partial(receive_delivered, replace(clients, functions_up_to=1_000_000), now=NOW)
    clients.queue.work({JobName.RECEIVE: story}, give_up=never, concurrency=1, until_idle=True)
    assert find_upload(clients, account, delivered.upload).state is UploadState.RECEIVED
    assert take_over_delivered(clients, now=an_hour_later()) == 0, "it is received"


def test_a_delivery_the_worker_gave_up_is_not_handed_to_it_for_ever(clients: Clients, account: AccountId) -> None:
    keys = IncomingKeys(account, uuid4())
    clients.store.put(keys.manifest, b"not a manifest")
    assert take_over_delivered(clients, now=an_hour_later()) == 1
    ended: list[BaseException | None] = []

    def beyond_words(job: Job) -> None:
        raise UnknownCompany(cnpj=str(job.upload))  # one of our own errors is not tried again

    clients.queue.work(
        {JobName.RECEIVE: beyond_words}, give_up=lambda _, error: ended.append(error), concurrency=1, until_idle=True
    )
    assert [type(error) for error in ended] == [UnknownCompany]
    assert take_over_delivered(clients, now=an_hour_later()) == 0


def never(job: Job, error: BaseException | None) -> None:
    raise AssertionError((job, error))
