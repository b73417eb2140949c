"""Several files of one table in one upload: what the lake holds of them, and what comes of their rows."""

import re
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.queue import Job
from app.domain.cnpj import Cnpj
from app.domain.errors import BadInput, ObjectExists
from app.domain.uploads import IncomingFile, Table
from app.pipeline import screened
from app.pipeline.companies import find_company
from app.pipeline.intake import Delivery, receive
from app.pipeline.preparation import prepare_upload
from app.pipeline.retention import tidy_account
from app.pipeline.uploads import Upload, find_upload
from tests.shop import CNPJ, month_rows, raw_keys, sold_in, sold_in_months, write_months, write_tabs

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
COMPANY = Cnpj(CNPJ)
HEAD = "Pedido;Data;SKU;Qtd;Valor unitário\n"
RAW = re.compile(r"raw/[a-z0-9-]+/11222333000181/2026/11/22/(vendas|vendas_itens|produtos)_\d{8}T\d{6}\.\d{6}Z\.csv")


def incoming(paths: Sequence[Path]) -> list[IncomingFile]:
    return [IncomingFile(path.name, path) for path in paths]


def written(folder: Path, **texts: str) -> list[IncomingFile]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return incoming([folder / f"{name}.csv" for name in texts])


def delivered(
    clients: Clients,
    account: AccountId,
    files: Sequence[IncomingFile],
    *,
    now: datetime = NOW,
    **said: Any,  # noqa: ANN401
) -> Upload:
    """The upload, prepared."""
    delivery = Delivery(account=account, cnpj=COMPANY, company_name="Padaria", files=files, **said)
    upload = receive(clients, delivery, now=now)
    with clients.database.session(account) as session:
        company = find_company(session, COMPANY)
    prepare_upload(clients, Job(account, company.id, upload), now=now)
    return find_upload(clients, account, upload)


def counts(upload: Upload, table: Table = Table.ITEMS) -> tuple[int, int, int, int]:
    rows = next(entry["rows"] for entry in upload.report["tables"] if entry["table"] == table)
    assert rows["in"] == rows["accepted"] + rows["rejected"] + rows["skipped"]
    return rows["in"], rows["accepted"], rows["rejected"], rows["skipped"]


def named(upload: Upload) -> list[str]:
    return [file["key"] for file in upload.files]


def test_every_file_of_a_table_has_a_raw_object_of_its_own_and_all_are_sold(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    upload = delivered(clients, account, incoming(write_months(tmp_path, [1, 2, 3])))
    assert sold_in(clients.store) == sold_in_months([1, 2, 3])
    assert counts(upload) == (84, 84, 0, 0)
    assert raw_keys(clients.store) == named(upload), "exactly those the upload names, in the order they were sent"
    assert all(RAW.fullmatch(key) for key in named(upload))
    for file, path in zip(upload.files, sorted(tmp_path.glob("*.csv")), strict=True):
        assert clients.store.get(file["key"]) == path.read_bytes()


def test_a_workbook_of_months_a_zip_and_a_file_beside_them_are_one_upload(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    year = write_tabs(tmp_path / "ano.xlsx", {f"{month:02}": month_rows(month) for month in range(1, 9)})
    with zipfile.ZipFile(tmp_path / "outono.zip", "w") as archive:
        for path in write_months(tmp_path / "in", [9, 10]):
            archive.write(path, path.name)
    others = write_months(tmp_path / "mais", [11, 12])
    upload = delivered(clients, account, incoming([year, tmp_path / "outono.zip", *others]))
    assert sold_in(clients.store) == sold_in_months(range(1, 13))
    assert len(raw_keys(clients.store)) == 12
    assert raw_keys(clients.store) == named(upload)


def test_two_files_of_each_table_are_all_read(clients: Clients, account: AccountId, tmp_path: Path) -> None:
    files = written(
        tmp_path,
        itens1="Número da venda;SKU;Quantidade;Valor unitário\n1;A;2;10,00\n2;A;1;10,00\n",
        itens2="Número da venda;SKU;Quantidade;Valor unitário\n3;B;4;5,00\n9;B;1;5,00\n",
        vendas1="Número da venda;Data da venda;Situação\n1;18/09/2026;Concluída\n2;19/09/2026;Cancelada\n",
        vendas2="Número da venda;Data da venda;Situação\n2;19/09/2026;Concluída\n3;18/10/2026;Concluída\n",
        produtos1="Código (SKU);Descrição;Categoria\nA;Caneca;Louça\n",
        produtos2="Código (SKU);Descrição;Categoria\nB;Copo;Louça\nA;Caneca azul;Louça\n",
    )
    upload = delivered(clients, account, files)
    assert sold_in(clients.store) == (7, 50)
    assert [counts(upload, table) for table in (Table.SALES, Table.ITEMS, Table.PRODUCTS)] == [
        (4, 3, 0, 1),
        (4, 3, 1, 0),
        (3, 2, 0, 1),
    ]
    told = screened.findings(clients, upload, language="pt-BR").select("file", "line", "rule").rows()
    assert sorted(told) == [
        ("itens2.csv", 3, "item-without-sale"),
        ("produtos1.csv", 2, "repeated-product"),
        ("vendas1.csv", 3, "repeated-sale"),
    ]
    assert sorted(named(upload)) == raw_keys(clients.store)


def test_rows_set_aside_say_of_which_file_and_line_they_are_and_may_be_sent_alone(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    files = written(
        tmp_path / "a",
        jan=HEAD + "1;18/01/2026;A;1;10,00\n2;19/01/2026;A;x;10,00\n",
        fev="SKU;Número do pedido;Quantidade;Data da venda;Peso\nA;3;y;18/02/2026;z\nA;4;1;18/02/2026;\n",
    )
    upload = delivered(clients, account, files)
    aside = screened.rejected(clients, upload, table=Table.ITEMS, language="pt-BR")
    assert aside.columns == ["Pedido", "Data", "SKU", "Qtd", "Valor unitário", "Peso", "motivo"]
    assert aside.rows() == [
        ("2", "19/01/2026", "A", "x", "10,00", None, "jan.csv, linha 3: A quantidade não é um número"),
        ("3", "18/02/2026", "A", "y", None, "z", "fev.csv, linha 2: A quantidade não é um número"),
    ]
    mended = aside.with_columns(Qtd=aside["Qtd"].replace({"x": "2", "y": "3"}))
    again = written(tmp_path / "b", mended=mended.write_csv(separator=";"))
    upload = delivered(clients, account, again, now=NOW + timedelta(hours=1))
    assert counts(upload) == (2, 2, 0, 0)
    assert upload.report["lines"]["added"] == 2


def test_of_the_same_file_twice_one_counts_and_the_other_is_told(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    text = HEAD + "1;18/09/2026;A;2;10,00\n2;18/09/2026;A;x;10,00\n"
    files = written(tmp_path, jan=text, fev=text)
    dry = screened.rehearse(files, cnpj=COMPANY, today=NOW).report
    upload = delivered(clients, account, files)
    assert sold_in(clients.store) == (2, 20)
    assert counts(upload) == (4, 1, 1, 2)
    assert dry["tables"] == upload.report["tables"]
    told = screened.findings(clients, upload, language="pt-BR").select("file", "line", "rule").rows()
    assert sorted(told) == [
        ("fev.csv", 2, "repeated-file"),
        ("fev.csv", 3, "repeated-file"),
        ("jan.csv", 3, "unreadable-quantity"),
    ]
    assert screened.rejected(clients, upload, table=Table.ITEMS, language="pt-BR").height == 1
    assert raw_keys(clients.store) == named(upload)


def test_the_same_files_in_another_order_are_the_same_upload(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    files = incoming(write_months(tmp_path, [1, 2, 3]))
    first = delivered(clients, account, files)
    again = delivered(clients, account, files[::-1], now=NOW + timedelta(hours=1))
    assert again.id == first.id
    assert raw_keys(clients.store) == named(first)


def test_of_a_hidden_tab_nothing_is_stored_and_the_report_says_so(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    tabs = {"Jan": month_rows(1), "Fev": month_rows(2), "Rascunho": month_rows(9)}
    file = incoming([write_tabs(tmp_path / "ano.xlsx", tabs, hidden={"Rascunho": "very_hidden"})])
    dry = screened.rehearse(file, cnpj=COMPANY, today=NOW).report
    upload = delivered(clients, account, file)
    assert sold_in(clients.store) == sold_in_months([1, 2])
    assert len(raw_keys(clients.store)) == 2
    for report in (dry, upload.report):
        tables: Any = report["tables"]
        [finding] = [found for entry in tables for found in entry["findings"]]
        assert (finding["rule"], finding["severity"], finding["count"]) == ("hidden-tab", "warning", 1)
        assert finding["examples"][0]["value"] == "Rascunho"
    named_tab = [file[0]._replace(tab="Rascunho")]
    delivered(clients, account, named_tab, now=NOW + timedelta(hours=1))
    assert sold_in(clients.store) == sold_in_months([1, 2, 9])


def test_what_was_settled_for_one_file_is_not_said_of_another_when_raw_copies_are_read(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    """The heading `Treco` was named in files of two shapes, each time as something else; then both come together."""
    one, other = "Pedido;Data;Treco;Qtd\n1;18/01/2026;A;2\n", "Pedido;Data;SKU;Treco;Obs\n2;18/02/2026;B;3;x\n"
    alone = [written(tmp_path / "a", um=one), written(tmp_path / "b", dois=other)]
    fields = ({"Treco": "sku"}, {"Treco": "quantidade"})
    for number, (files, field) in enumerate(zip(alone, fields, strict=True)):
        delivered(clients, account, files, now=NOW + timedelta(hours=number), mappings={Table.ITEMS: field})
    both = written(tmp_path / "c", um=one.replace("1;18", "5;18"), dois=other.replace("2;18", "6;18"))
    upload = delivered(clients, account, both, now=NOW + timedelta(hours=3))
    lines = screened.accepted(clients, upload).select("id_venda", "sku", "quantidade").rows()
    assert sorted(lines) == [("5", "A", 2.0), ("6", "B", 3.0)]


def test_a_store_that_fails_half_way_keeps_nothing_of_the_upload(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    first = delivered(clients, account, incoming(write_months(tmp_path / "a", [1])))
    later = NOW + timedelta(hours=1)
    with clients.database.session(account) as session:
        company = find_company(session, COMPANY)
    in_the_way = company.keys.raw(Table.ITEMS, at=later + timedelta(microseconds=2))
    clients.store.put(in_the_way, b"of another upload")
    files = incoming(write_months(tmp_path / "b", [2, 3, 4]))
    with pytest.raises(ObjectExists):
        delivered(clients, account, files, now=later)
    assert raw_keys(clients.store) == [*named(first), in_the_way]
    assert clients.store.get(in_the_way) == b"of another upload"
    assert named(delivered(clients, account, files, now=later + timedelta(hours=1)))


def test_of_two_deliveries_of_the_same_bytes_at_once_one_leaves_its_files(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    for attempt in range(5):
        files, barrier = incoming(write_months(tmp_path / str(attempt), [attempt + 1, attempt + 2])), Barrier(2)
        delivery = Delivery(account=account, cnpj=COMPANY, company_name="Padaria", files=files)

        def take(number: int, delivery: Delivery = delivery, barrier: Barrier = barrier, at: int = attempt) -> Any:  # noqa: ANN401
            mine = Delivery(account=account, cnpj=COMPANY, company_name="Padaria", files=delivery.files)
            barrier.wait()
            return receive(clients, mine, now=NOW + timedelta(hours=at, seconds=number))

        with ThreadPoolExecutor(2) as pool:
            became = list(pool.map(take, range(2)))
        assert became[0] == became[1]
    assert len(raw_keys(clients.store)) == 2 * 5


def test_a_broken_file_among_good_ones_is_named_and_nothing_is_stored(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    files = written(tmp_path, jan=HEAD + "1;18/01/2026;A;1;1,00\n", fev=HEAD)
    with pytest.raises(BadInput) as refusal:
        delivered(clients, account, files)
    assert "fev.csv" in refusal.value.detail("pt-BR")
    assert list(clients.store.list()) == []


def test_files_that_no_upload_names_are_gone_after_two_nights(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    """As a process leaves them that dies between its files and its row."""
    upload = delivered(clients, account, incoming(write_months(tmp_path, [1, 2])))
    with clients.database.session(account) as session:
        company = find_company(session, COMPANY)
    orphan = company.keys.raw(Table.ITEMS, at=NOW - timedelta(hours=1))
    clients.store.put(orphan, b"x")
    tidy_account(clients, account, now=datetime.now(UTC) + timedelta(days=1))
    assert orphan in raw_keys(clients.store)
    tidy_account(clients, account, now=datetime.now(UTC) + timedelta(days=3))
    assert raw_keys(clients.store) == named(upload)
