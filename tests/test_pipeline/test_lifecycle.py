"""What goes from the lake, and what stays: retention every night and the erasure of a company, on each kind of lake."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import IncomingKeys
from app.core.queue import Job
from app.domain.cnpj import Cnpj
from app.domain.errors import UnknownCompany
from app.pipeline import reading
from app.pipeline.companies import find_company
from app.pipeline.direct import Announced, Named, announce
from app.pipeline.erasure import erase_company, erase_objects, find_erasure
from app.pipeline.forecasting import FRAMES, forecast_company
from app.pipeline.intake import Delivery, receive
from app.pipeline.preparation import prepare_upload
from app.pipeline.retention import tidy_account
from tests.shop import CNPJ, write_shop

COMPANY, OTHER = Cnpj(CNPJ), Cnpj("11444777000161")
Publish = Callable[..., Job]


@pytest.fixture
def publish(clients: Clients, account: AccountId, tmp_path: Path) -> Publish:
    """Takes one upload of a shop all the way to its published forecast."""

    def run(cnpj: Cnpj = COMPANY, *, bad_lines: int = 0) -> Job:
        files = write_shop(tmp_path / f"{cnpj.text}-{bad_lines}", bad_lines=bad_lines)
        delivery = Delivery(account=account, cnpj=cnpj, company_name="Padaria", files=files)
        upload = receive(clients, delivery, now=datetime.now(UTC))
        with clients.database.session(account) as session:
            job = Job(account, find_company(session, cnpj).id, upload)
        prepare_upload(clients, job, now=datetime.now(UTC))
        forecast_company(clients, job, now=datetime.now(UTC))
        return job

    return run


def keys(clients: Clients, layer: str, cnpj: Cnpj = COMPANY) -> set[str]:
    return {stored.key for stored in clients.store.list(layer) if cnpj.text in stored.key}


def after(**time: float) -> datetime:
    return datetime.now(UTC) + timedelta(**time)


def test_every_night_what_has_had_its_time_goes_and_what_is_published_stays(
    clients: Clients, account: AccountId, publish: Publish
) -> None:
    publish()
    first = keys(clients, "predictions")
    publish(bad_lines=1)
    raw, both = keys(clients, "raw"), keys(clients, "predictions")
    tidy_account(clients, account, now=after(days=1))
    assert keys(clients, "predictions") == both, "who reads the first run may still be at it"
    tidy_account(clients, account, now=after(days=3))
    assert keys(clients, "predictions") == both - first
    assert len(both - first) == len(FRAMES)
    assert keys(clients, "raw") == raw, "files stay for ninety days"
    for _ in range(2):  # doing it again changes nothing
        tidy_account(clients, account, now=after(days=91))
    assert keys(clients, "raw") == set()
    assert keys(clients, "predictions") == both - first


def test_an_erased_company_leaves_a_receipt_and_the_other_company_all_it_has(
    clients: Clients, account: AccountId, publish: Publish
) -> None:
    job = publish()
    publish(OTHER)
    direct = announce(clients, account, [Announced("a.csv", None)], company=Named(COMPANY, "Padaria"), now=after())
    clients.store.put(IncomingKeys(account, direct.id).file("file-0"), b"Cliente;CPF\r\n")
    everything = {stored.key for stored in clients.store.list()}
    others = {key for key in everything if OTHER.text in key}
    receipt = erase_company(clients, account, COMPANY, actor="test", now=after())
    with pytest.raises(UnknownCompany):
        reading.published(clients, account, COMPANY)
    for _ in range(2):  # a job may be repeated
        erase_objects(clients, Job(account, job.company, receipt.id), now=after())
    assert {stored.key for stored in clients.store.list()} == others
    kept = find_erasure(clients, account, receipt.id)
    assert kept.finished_at is not None
    assert kept.removed["objects"] == len(everything - others)
    assert set(reading.published(clients, account, OTHER).keys.values()) <= others
