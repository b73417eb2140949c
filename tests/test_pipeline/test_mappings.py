"""Columns that the customer named herself: checked, used, remembered for the next file with the same headings."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.queue import Job
from app.domain.cnpj import Cnpj
from app.domain.errors import MissingColumn, UnknownField, UnknownHeading
from app.domain.uploads import IncomingFile, Table
from app.pipeline.companies import find_company
from app.pipeline.intake import Delivery, receive
from app.pipeline.preparation import prepare_upload
from app.pipeline.uploads import find_upload
from tests.shop import CNPJ

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW.replace(hour=13)
SETTLED = {Table.ITEMS: {"Treco": "sku", "Peso da caixa": ""}}


def items(folder: Path, *, day: int = 1, other: str = "Peso da caixa") -> IncomingFile:
    path = folder / f"itens-{day}.csv"
    path.write_text(f"Pedido;Data;Treco;Qtd;{other}\n{day};{day:02}/11/2026;A1;2;9\n", encoding="utf-8")
    return IncomingFile(path.name, path, Table.ITEMS)


def delivered(
    clients: Clients,
    account: AccountId,
    file: IncomingFile,
    *,
    mappings: Mapping[Table, Mapping[str, str]] | None = None,
    now: datetime = NOW,
) -> list[str | None]:
    """The fields of the file's columns as the upload's report tells them, after preparation."""
    delivery = Delivery(account=account, cnpj=Cnpj(CNPJ), company_name="Padaria", files=[file], mappings=mappings or {})
    upload = receive(clients, delivery, now=now)
    with clients.database.session(account) as session:
        company = find_company(session, Cnpj(CNPJ))
    prepare_upload(clients, Job(account, company.id, upload), now=now)
    columns = find_upload(clients, account, upload).report["tables"][0]["columns"]
    return [column["field"] for column in columns]


def test_a_column_is_what_the_customer_says_it_is(clients: Clients, account: AccountId, tmp_path: Path) -> None:
    fields = delivered(clients, account, items(tmp_path), mappings=SETTLED)
    assert fields == ["id_venda", "data_venda", "sku", "quantidade", None]


def test_what_was_said_once_holds_for_files_with_the_same_headings(
    clients: Clients, account: AccountId, tmp_path: Path
) -> None:
    first = delivered(clients, account, items(tmp_path), mappings=SETTLED)
    assert delivered(clients, account, items(tmp_path, day=2), now=LATER) == first


def test_files_with_other_headings_do_not_inherit_it(clients: Clients, account: AccountId, tmp_path: Path) -> None:
    delivered(clients, account, items(tmp_path), mappings=SETTLED)
    with pytest.raises(MissingColumn, match="Treco"):
        delivered(clients, account, without_quantity(tmp_path), now=LATER)


def test_what_is_said_now_goes_before_what_was_said_then(clients: Clients, account: AccountId, tmp_path: Path) -> None:
    delivered(clients, account, items(tmp_path), mappings=SETTLED)
    again = {Table.ITEMS: {"Treco": "descricao"}}
    fields = delivered(clients, account, items(tmp_path, day=2), mappings=again, now=LATER)
    assert fields == ["id_venda", "data_venda", "descricao", "quantidade", None]


@pytest.mark.parametrize(
    ("settled", "error", "words"),
    [({"Treco": "produto"}, UnknownField, "sku"), ({"Trecho": "sku"}, UnknownHeading, "Trecho")],
)
def test_a_mapping_that_cannot_be_followed_is_refused(
    clients: Clients,
    account: AccountId,
    tmp_path: Path,
    settled: dict[str, str],
    error: type[Exception],
    words: str,
) -> None:
    mappings = {Table.ITEMS: {"Treco": "sku"} | settled}
    with pytest.raises(error, match=words):
        delivered(clients, account, items(tmp_path), mappings=mappings)
    assert list(clients.store.list()) == []


def without_quantity(folder: Path) -> IncomingFile:
    path = folder / "outro.csv"
    path.write_text("Pedido;Treco\n1;A1\n", encoding="utf-8")
    return IncomingFile(path.name, path, Table.ITEMS)
