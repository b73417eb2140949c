"""The stories one after the other, on a real database and a real lake."""

import re
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from sqlalchemy import func, select

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.queue import Job
from app.core.tables import CompanyRow, PublishedRow, RunRow, UploadRow
from app.domain.cnpj import Cnpj
from app.domain.errors import BadInput, MissingTable, NotForecastYet, UnknownCompany, UnknownUpload
from app.domain.forecasts import HORIZONS, Level
from app.domain.states import State
from app.domain.uploads import IncomingFile, Table, UploadState
from app.pipeline import forecasting, preparation, reading
from app.pipeline.companies import list_companies
from app.pipeline.intake import Delivery, receive
from app.pipeline.uploads import find_upload, give_up
from tests.shop import CNPJ, PETROL, bread_sold, write_shop

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW.replace(hour=13)
COMPANY = Cnpj(CNPJ)


def deliver(clients: Clients, account: AccountId, files: list[IncomingFile], *, now: datetime = NOW) -> Job:
    delivery = Delivery(account=account, cnpj=COMPANY, company_name="Padaria São João Ltda", files=files)
    upload = receive(clients, delivery, now=now)
    with clients.database.session(account) as session:
        return Job(account, session.scalars(select(UploadRow.company_id).where(UploadRow.id == upload)).one(), upload)


def run_all(clients: Clients, job: Job, *, now: datetime = NOW) -> None:
    preparation.prepare_upload(clients, job, now=now)
    forecasting.forecast_company(clients, job, now=now)


@pytest.fixture
def published(clients: Clients, account: AccountId, tmp_path: Path) -> Job:
    job = deliver(clients, account, write_shop(tmp_path / "files", bad_lines=2))
    run_all(clients, job)
    return job


def keys(clients: Clients) -> list[str]:
    return sorted(stored.key for stored in clients.store.list())


def test_an_upload_becomes_a_published_forecast(clients: Clients, published: Job) -> None:
    upload = find_upload(clients, published.account, published.upload)
    assert upload.state is UploadState.PUBLISHED
    assert upload.error is None
    assert {"clean", "merge", "load", "train", "predict", "write"} <= set(upload.timings)
    what = reading.published(clients, published.account, COMPANY)
    assert len(what.metrics["snapshot"]) == 64
    assert "numba" in what.metrics["versions"]
    totals = reading.totals(clients, what, reading.Slice(level=Level.COMPANY)).rows
    assert totals["horizon_days"].to_list() == list(HORIZONS)
    assert totals.filter((pl.col("p10") > pl.col("p50")) | (pl.col("p50") > pl.col("p90"))).is_empty()


def test_rows_in_are_rows_accepted_and_rows_reported(clients: Clients, published: Job) -> None:
    report = find_upload(clients, published.account, published.upload).report
    items = next(table for table in report["tables"] if table["table"] == Table.ITEMS)
    rows = items["rows"]
    assert rows["rejected"] == 2
    assert rows["in"] == rows["accepted"] + rows["rejected"] + rows["skipped"]
    lines_of_bad_rows = {example["line"] for finding in items["findings"] for example in finding["examples"]}
    assert lines_of_bad_rows == {rows["in"], rows["in"] + 1}


def test_a_sale_too_large_for_the_shop_is_told_and_held_out_of_the_forecast_alone(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    job = deliver(clients, account, write_shop(tmp_path / "files", petrol=date(2025, 6, 2)))
    run_all(clients, job)
    (finding,) = find_upload(clients, account, job.upload).report["forecast"]["findings"]
    example = {"sku": "GASOLINA", "date": "2025-06-02", "quantity": float(PETROL)}
    assert (finding["rule"], finding["count"], finding["examples"]) == ("out-of-pattern", 1, [example])
    assert finding["title"]["pt-BR"] == "Venda grande demais para a loja: ficou fora da previsão"
    what = reading.published(clients, account, COMPANY)
    assert what.metrics["held_out"] == {"count": 1, "examples": [example]}
    kept = reading.sales(clients, what, reading.Slice(level=Level.PRODUCT, id="GASOLINA")).rows
    assert kept["quantity"].to_list() == [PETROL]
    company = reading.totals(clients, what, reading.Slice(level=Level.COMPANY)).rows.sort("horizon_days")
    assert company["mean"][0] == pytest.approx(30 * 13 + 4 * 3, rel=0.05)


def test_a_forecast_made_of_all_sales_has_nothing_to_tell(clients: Clients, published: Job) -> None:
    report = find_upload(clients, published.account, published.upload).report
    assert report["forecast"] == {"findings": []}


def test_what_was_sold_can_be_read_back(clients: Clients, published: Job) -> None:
    what = reading.published(clients, published.account, COMPANY)
    bread = reading.sales(clients, what, reading.Slice(level=Level.PRODUCT, id="PAO", limit=1000)).rows
    assert bread["quantity"].sum() == bread_sold(days=200)
    months = reading.sales(clients, what, reading.Slice(), period="monthly").rows
    assert months["date"].to_list() == [date(2025, month, 1) for month in range(1, 8)]


@pytest.mark.usefixtures("published")
def test_the_lake_holds_raw_processed_and_predictions(clients: Clients) -> None:
    written = keys(clients)
    home = "/".join(written[0].split("/")[1:3])
    assert re.fullmatch(rf"padaria-sao-joao(-[0-9a-f]{{8}})?/{CNPJ}", home)
    assert [key.split("/")[0] for key in written].count("raw") == 3
    for month in range(1, 8):
        assert sum(key.startswith(f"processed/{home}/2025/{month:02}/itens_") for key in written) == 1
        assert sum(key.startswith(f"processed/{home}/2025/{month:02}/features_") for key in written) == 1
    assert sum(key.startswith(f"predictions/{home}/2025/07/forecast_2025-07-19_") for key in written) == 1


def test_a_second_upload_rewrites_only_the_months_it_touches(clients: Clients, published: Job, tmp_path: Path) -> None:
    before = set(keys(clients))
    more = write_shop(tmp_path / "more", days=20, first=date(2025, 7, 15))
    run_all(clients, deliver(clients, published.account, more, now=LATER), now=LATER)
    new = {key for key in keys(clients) if key not in before and key.startswith("processed/") and "itens" in key}
    assert {key.split("/")[4] for key in new} == {"07", "08"}
    report = find_upload(clients, published.account, published.upload).report
    assert report["lines"]["already_there"] == 0


def test_the_same_bytes_again_are_the_same_upload(clients: Clients, published: Job, tmp_path: Path) -> None:
    before = keys(clients)
    again = deliver(clients, published.account, write_shop(tmp_path / "files", bad_lines=2))
    assert again == published
    assert keys(clients) == before


def test_the_same_lines_in_another_file_change_nothing(clients: Clients, published: Job, tmp_path: Path) -> None:
    files = write_shop(tmp_path / "again")
    with files[1].path.open("ab") as file:
        file.write(b"\r\n")
    months = [key for key in keys(clients) if key.startswith("processed/")]
    job = deliver(clients, published.account, files, now=LATER)
    preparation.prepare_upload(clients, job, now=LATER)
    assert [key for key in keys(clients) if key.startswith("processed/")] == months
    lines = find_upload(clients, published.account, job.upload).report["lines"]
    assert lines["added"] == lines["changed"] == 0
    assert lines["already_there"] > 200


def test_a_sale_that_is_dated_in_another_month_later_counts_once(
    clients: Clients, published: Job, tmp_path: Path
) -> None:
    again = tmp_path / "again"
    again.mkdir()
    number = date(2025, 3, 3).toordinal()  # a Monday: ten loaves, nothing else
    table = (
        f"Número do pedido;Data da venda;Código (SKU);Quantidade;Valor unitário\r\n{number};02/04/2025;PAO;10;0,75\r\n"
    )
    (again / "itens.csv").write_text(table, encoding="cp1252")
    file = IncomingFile(name="itens.csv", path=again / "itens.csv", table=Table.ITEMS)
    job = deliver(clients, published.account, [file], now=LATER)
    run_all(clients, job, now=LATER)
    assert find_upload(clients, job.account, job.upload).report["lines"] == {
        "added": 1,
        "changed": 0,
        "already_there": 0,
        "moved": 1,
    }
    what = reading.published(clients, job.account, COMPANY)
    days = reading.sales(clients, what, reading.Slice(level=Level.PRODUCT, id="PAO", limit=1000)).rows
    sold = dict(days.select("date", "quantity").iter_rows())
    assert (sold.get(date(2025, 3, 3), 0), sold[date(2025, 4, 2)]) == (0, 10 + 2 + 10)
    assert days["quantity"].sum() == bread_sold(days=200)


def test_a_story_done_twice_is_done_once(clients: Clients, published: Job) -> None:
    before = keys(clients)
    run_all(clients, published)
    assert keys(clients) == before
    with clients.database.session(published.account) as session:
        assert session.scalar(select(func.count()).select_from(RunRow)) == 1


def test_a_crash_while_forecasting_leaves_the_old_run_served_and_can_be_repeated(
    clients: Clients, published: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = reading.published(clients, published.account, COMPANY).run
    more = write_shop(tmp_path / "more", days=20, first=date(2025, 7, 20))
    job = deliver(clients, published.account, more, now=LATER)
    preparation.prepare_upload(clients, job, now=LATER)
    with monkeypatch.context() as patched:
        patched.setattr(forecasting, "publish", _crash)
        with pytest.raises(OSError, match="power"):
            forecasting.forecast_company(clients, job, now=LATER)
    assert reading.published(clients, published.account, COMPANY).run == first
    forecasting.forecast_company(clients, job, now=LATER.replace(minute=1))
    after = reading.published(clients, published.account, COMPANY)
    assert after.run != first
    assert after.last_day == date(2025, 8, 8)


def test_a_job_given_up_says_why_and_leaves_what_was_published(clients: Clients, published: Job) -> None:
    give_up(clients, published, OSError("the disk is full"))
    upload = find_upload(clients, published.account, published.upload)
    assert upload.state is UploadState.FAILED
    assert upload.error is not None
    assert upload.error["code"] == "unexpected"
    assert "disk" not in str(upload.error)
    assert reading.published(clients, published.account, COMPANY).last_day == date(2025, 7, 19)


def test_nothing_is_stored_of_a_delivery_that_is_refused(clients: Clients, account: AccountId, tmp_path: Path) -> None:
    empty = tmp_path / "vendas_itens.csv"
    empty.write_bytes(b"")
    with pytest.raises(BadInput):
        deliver(clients, account, [IncomingFile(empty.name, empty, Table.ITEMS)])
    assert keys(clients) == []
    with clients.database.session(account) as session:
        for table in (CompanyRow, UploadRow, PublishedRow):
            assert session.scalars(select(table)).all() == []


def test_products_alone_are_refused_until_there_are_items(clients: Clients, account: AccountId, tmp_path: Path) -> None:
    files = write_shop(tmp_path / "files")
    with pytest.raises(MissingTable):
        deliver(clients, account, files[2:])
    run_all(clients, deliver(clients, account, files))
    products = tmp_path / "produtos.csv"
    products.write_text("Código (SKU);Descrição;Categoria\nPAO;Pão de sal;Padaria\n", encoding="utf-8")
    names_only = [IncomingFile(products.name, products, Table.PRODUCTS)]
    run_all(clients, deliver(clients, account, names_only, now=LATER), now=LATER)
    what = reading.published(clients, account, COMPANY)
    names = dict(reading.products(clients, what, reading.Slice()).rows.select("id", "name").iter_rows())
    assert names == {"PAO": "Pão de sal", "BOLO": "Bolo de cenoura"}


def test_the_state_a_company_was_told_of_last_is_the_one_its_forecast_knows(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    files = write_shop(tmp_path / "files")
    told = Delivery(account=account, cnpj=COMPANY, company_name="Padaria", files=files, state=State.SP)
    receive(clients, told, now=NOW)
    run_all(clients, deliver(clients, account, files))
    assert [company.state for company in list_companies(clients, account)] == [State.SP]
    assert reading.published(clients, account, COMPANY).metrics["state"] == "SP"


def test_another_account_learns_nothing(clients: Clients, published: Job) -> None:
    stranger = AccountId(UUID(int=7))
    with pytest.raises(UnknownCompany):
        reading.published(clients, stranger, COMPANY)
    with pytest.raises(UnknownUpload):
        find_upload(clients, stranger, published.upload)


def test_a_company_that_was_never_forecast_says_so(clients: Clients, account: AccountId, tmp_path: Path) -> None:
    deliver(clients, account, write_shop(tmp_path / "files"))
    with pytest.raises(NotForecastYet):
        reading.published(clients, account, COMPANY)


def test_pages_follow_one_another_and_miss_nothing(clients: Clients, published: Job) -> None:
    what = reading.published(clients, published.account, COMPANY)
    whole = reading.totals(clients, what, reading.Slice(limit=1000)).rows
    seen, cursor = [], None
    while True:
        page = reading.totals(clients, what, reading.Slice(limit=4, cursor=cursor))
        seen.append(page.rows)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pl.concat(seen).equals(whole)


def _crash(*_: object, **__: object) -> None:
    raise OSError("the power went away")
