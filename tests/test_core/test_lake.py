from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest

from app.core.lake import CompanyKeys, IncomingKeys, company_of, incoming_of
from app.domain.cnpj import Cnpj
from app.domain.uploads import Table

AT = datetime(2026, 11, 22, 20, 54, 30, 123456, tzinfo=UTC)
KEYS = CompanyKeys(slug="padaria-sao-joao", cnpj=Cnpj("12ABC34501DE35"))
HOME = "padaria-sao-joao/12ABC34501DE35"


def test_every_kind_of_object_has_its_place() -> None:
    last_day = date(2026, 10, 31)
    assert KEYS.raw(Table.SALES, at=AT) == f"raw/{HOME}/2026/11/22/vendas_20261122T205430.123456Z.csv"
    assert KEYS.raw(Table.ITEMS, at=AT) == f"raw/{HOME}/2026/11/22/vendas_itens_20261122T205430.123456Z.csv"
    assert KEYS.raw(Table.PRODUCTS, at=AT) == f"raw/{HOME}/2026/11/22/produtos_20261122T205430.123456Z.csv"
    assert (
        KEYS.processed("itens", "2026-01", at=AT) == f"processed/{HOME}/2026/01/itens_20261122T205430.123456Z.parquet"
    )
    assert KEYS.catalogue(at=AT) == f"processed/{HOME}/produtos_20261122T205430.123456Z.parquet"
    assert (
        KEYS.prediction("forecast", last_day=last_day, at=AT)
        == f"predictions/{HOME}/2026/10/forecast_2026-10-31_20261122T205430.123456Z.parquet"
    )


def test_a_moment_is_written_in_utc_whatever_clock_it_was_read_from() -> None:
    in_sao_paulo = AT.astimezone(timezone(timedelta(hours=-3)))
    assert KEYS.raw(Table.SALES, at=in_sao_paulo) == KEYS.raw(Table.SALES, at=AT)


def test_two_microseconds_are_two_keys() -> None:
    later = AT + timedelta(microseconds=1)
    assert KEYS.raw(Table.SALES, at=AT) != KEYS.raw(Table.SALES, at=later)


def test_the_files_of_one_table_in_one_upload_have_keys_in_their_order_and_of_the_contract_s_form() -> None:
    keys = [KEYS.raw(Table.ITEMS, at=AT, number=number) for number in range(30)]
    assert keys == sorted(set(keys))
    assert keys[1] == f"raw/{HOME}/2026/11/22/vendas_itens_20261122T205430.123457Z.csv"
    midnight = datetime(2026, 11, 22, 23, 59, 59, 999_999, tzinfo=UTC)
    assert KEYS.raw(Table.ITEMS, at=midnight, number=1).endswith("/2026/11/23/vendas_itens_20261123T000000.000000Z.csv")


@pytest.mark.parametrize("slug", ["", "..", "a/b", "Ana", "a--b", "-a", "a b", "ção"])
def test_only_a_slug_names_a_company(slug: str) -> None:
    with pytest.raises(ValueError, match="slug"):
        CompanyKeys(slug=slug, cnpj=Cnpj("12ABC34501DE35"))


@pytest.mark.parametrize("kind", ["", "../x", "a/b", "Itens", "a b"])
def test_only_a_plain_word_names_a_kind_of_frame(kind: str) -> None:
    with pytest.raises(ValueError, match="kind"):
        KEYS.processed(kind, "2026-01", at=AT)


@pytest.mark.parametrize(
    "key",
    [
        "incoming/0b0e8c5c-6d07-4b0e-9b53-0d0f0c0e0a01",
        "incoming/0b0e8c5c-6d07-4b0e-9b53-0d0f0c0e0a01/envio.json",
        "incoming/conta/0b0e8c5c-6d07-4b0e-9b53-0d0f0c0e0a01/envio.json",
        "incoming/0B0E8C5C-6D07-4B0E-9B53-0D0F0C0E0A01/0b0e8c5c-6d07-4b0e-9b53-0d0f0c0e0a01/envio.json",
        "raw/0b0e8c5c-6d07-4b0e-9b53-0d0f0c0e0a01/0b0e8c5c-6d07-4b0e-9b53-0d0f0c0e0a01/envio.json",
    ],
)
def test_a_key_that_is_no_delivery_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="not a key of the lake's layout"):
        incoming_of(key)


def test_an_incoming_key_names_its_delivery() -> None:
    keys = IncomingKeys(UUID(int=1), UUID(int=2))
    assert incoming_of(keys.manifest) == incoming_of(keys.file("Relatório de vendas.csv")) == keys


def test_every_key_of_a_company_leads_back_to_it() -> None:
    for key in (KEYS.raw_receipt(at=AT), KEYS.processed_receipt(at=AT), KEYS.raw(Table.ITEMS, at=AT)):
        assert company_of(key) == KEYS


@pytest.mark.parametrize(
    "key",
    [
        "raw",
        "raw/padaria/12ABC34501DE35",
        "raw/padaria/12ABC34501DE36/2026/vendas.csv",
        "raw/Padaria/12ABC34501DE35/2026/vendas.csv",
        "raw/../12ABC34501DE35/2026/vendas.csv",
        "incoming/padaria/12ABC34501DE35/x",
        "cofre/padaria/12ABC34501DE35/x",
    ],
)
def test_a_key_of_no_company_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="not a key of the lake's layout"):
        company_of(key)
