"""Spreadsheet formulas: whatever a shop's files say, no cell of what we export begins one."""

import csv
import io
import itertools
import re
import zipfile
from pathlib import Path

import polars as pl
import pytest

from app.api.answers import MEDIA_TYPES
from app.pipeline.companies import open_account
from app.pipeline.rendering import Format, render
from app.processing.values.codes import clean_text
from app.processing.values.formulas import harmless
from tests.shop import CNPJ
from tests.test_api.served import Served
from tests.test_api.shop_door import Shop

FORMULAS = ("=cmd|' /C calc'!A0", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1+1)", "＝1+1", "pão;=1+1", "pão,=1+1")
HEADING = "=cmd|' /C calc'!A1"
EXPORTS = (
    *("/predictions/{cnpj}", "/predictions/{cnpj}?view=daily", "/products/{cnpj}", "/accuracy/{cnpj}"),
    *("/sales/{cnpj}?level=product", "/sales/{cnpj}?level=category", "/sales/{cnpj}?period=monthly"),
    *("{upload}/findings", "{upload}/rejected", "{upload}/accepted"),
)
STARTS = tuple("=+-@＝＋－＠\t\r")


@pytest.fixture(scope="module")
def poisoned(served: Served) -> tuple[Shop, str]:
    """A published shop all of whose words are formulas, and the address of its upload."""
    clients = served.http.app.state.clients  # type: ignore[attr-defined]
    secret = open_account(clients, name="Calculadora", key_name="k")[1]
    shop = Shop(served.http, served.shop.settings, {"Authorization": f"Bearer {secret}"})
    form = {"cnpj": CNPJ, "company_name": FORMULAS[0]}
    files = {"vendas_itens": ("=itens.csv", _items()), "produtos": ("@produtos.csv", _products())}
    address = shop.http.post("/upload", headers=shop.headers, data=form, files=files).headers["location"]
    shop.work()
    assert shop.http.get(address, headers=shop.headers).json()["state"] == "published"
    return shop, str(address)


def _items() -> bytes:
    rows = [
        [str(at), f"{1 + at % 28:02}/{1 + at // 28:02}/2025", sku, "2", "-0,75" if at > 80 else "0,75", "@x"]
        for at in range(84)
        for sku in FORMULAS
    ]
    bad = [["900", "01/01/2025", sku, word, "-5,00", "x"] for sku in FORMULAS for word in ("=muito", "-muito")]
    return _csv(
        [["Número do pedido", "Data da venda", "Código (SKU)", "Quantidade", "Valor unitário", HEADING], *rows, *bad]
    )


def _products() -> bytes:
    headings = ["Código (SKU)", "Descrição", "Categoria", "Preço de venda"]
    return _csv([headings] + [[sku, sku, sku, "0,75"] for sku in FORMULAS])


def _csv(rows: list[list[str]]) -> bytes:
    target = io.StringIO()
    csv.writer(target, delimiter=";").writerows(rows)
    return target.getvalue().encode()


@pytest.mark.parametrize("path", EXPORTS)
def test_no_csv_cell_is_a_formula_wherever_excel_cuts_it(poisoned: tuple[Shop, str], path: str) -> None:
    shop, upload = poisoned
    text = _get(shop, path.format(cnpj=CNPJ, upload=upload), Format.CSV).decode()
    assert text.count("\n") > 1
    assert _formulas_in_csv(text) == []


@pytest.mark.parametrize("path", EXPORTS)
def test_no_excel_cell_is_a_formula(poisoned: tuple[Shop, str], path: str) -> None:
    shop, upload = poisoned
    with zipfile.ZipFile(io.BytesIO(_get(shop, path.format(cnpj=CNPJ, upload=upload), Format.XLSX))) as book:
        sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
        strings = re.findall(r"<t[^>]*>([^<]*)</t>", book.read("xl/sharedStrings.xml").decode())
    assert sheets
    assert not any("<f>" in sheet or "<f " in sheet for sheet in sheets)
    assert [text for text in strings if _is_formula(text)] == []


def test_json_and_parquet_keep_the_words_as_they_are(poisoned: tuple[Shop, str]) -> None:
    shop, _ = poisoned
    rows = shop.http.get(f"/products/{CNPJ}", headers=shop.headers).json()["rows"]
    table = pl.read_parquet(io.BytesIO(_get(shop, f"/products/{CNPJ}", Format.PARQUET)))
    assert {row["id"] for row in rows} == set(table["id"]) == set(FORMULAS)


def test_a_negative_number_stays_a_number(poisoned: tuple[Shop, str]) -> None:
    shop, upload = poisoned
    rejected = pl.read_csv(io.BytesIO(_get(shop, f"{upload}/rejected", Format.CSV)), infer_schema=False)
    assert set(rejected["Valor unitário"]) >= {"-5,00"}
    assert rejected.columns[5] == "'" + HEADING
    frame = pl.DataFrame({"units": [-1.5, 2.0], "text": ["-1.234,50", "+10%"]})
    assert render(frame, Format.CSV).decode().splitlines()[1:] == ['-1.5,"-1.234,50"', "2.0,+10%"]


def test_rows_set_aside_can_be_sent_back_as_they_were_exported(poisoned: tuple[Shop, str]) -> None:
    shop, upload = poisoned
    body = _get(shop, f"{upload}/rejected", Format.CSV).decode().replace("'=muito", "3").replace("'-muito", "3")
    files = {"vendas_itens": ("corrigidas.csv", body.encode())}
    form = {"cnpj": CNPJ, "company_name": "x"}
    tried = shop.http.post("/upload?dry_run=true", headers=shop.headers, data=form, files=files).json()
    assert tried["report"]["tables"][0]["rows"]["rejected"] == 0


@pytest.mark.parametrize("code", [*FORMULAS[:5], '="0012"', "'0012", "-5,00"])
def test_reading_takes_the_quote_off_again(code: str) -> None:
    exported = pl.DataFrame({"sku": [code]}).select(harmless(pl.col("sku")))["sku"]
    assert clean_text(exported).to_list() == clean_text(pl.Series([code])).to_list()


def test_no_file_of_an_export_opens_as_formulas(poisoned: tuple[Shop, str]) -> None:
    shop, _ = poisoned
    answer = shop.http.get(f"/companies/{CNPJ}/export", headers=shop.headers)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        tables = [name for name in archive.namelist() if name.endswith(".csv")]
        assert {Path(name).name.partition("_")[0] for name in tables} == {"totals", "accuracy", "produtos"}
        assert [cell for name in tables for cell in _formulas_in_csv(archive.read(name).decode())] == []
        kinds = {Path(name).suffix for name in archive.namelist()}
    assert kinds == {".csv", ".json", ".parquet", ".txt"}


def test_two_headings_stay_two_when_one_is_guarded() -> None:
    frame = pl.DataFrame({"=a": [1], "'=a": [2], "''=a": [3]})
    assert render(frame, Format.CSV).decode().splitlines() == ["'''=a,'=a,''=a", "1,2,3"]


@pytest.mark.parametrize("cell", [*FORMULAS[:5], "\t=1", "\r=1", "x\r\n=1", "x\t@1"])
@pytest.mark.parametrize("kind", [Format.CSV, Format.XLSX])
def test_no_cell_is_ever_a_formula(cell: str, kind: Format) -> None:
    body = render(pl.DataFrame({"name": [cell, "pão"]}), kind)
    if kind is Format.CSV:
        assert _formulas_in_csv(body.decode()) == []
    else:
        assert pl.read_excel(io.BytesIO(body))["name"][0].startswith(("'", "x"))


def _get(shop: Shop, path: str, kind: Format) -> bytes:
    answer = shop.http.get(path, headers=shop.headers | {"Accept": MEDIA_TYPES[kind]})
    assert answer.status_code == 200, answer.text
    return bytes(answer.content)


def _formulas_in_csv(text: str) -> list[str]:
    """Cells that run, whichever separator the reader's Excel goes by; quotes count only where a cell begins."""
    cut = (csv.reader(io.StringIO(text, newline=""), delimiter=separator) for separator in (",", ";", "\t"))
    naive = [line.split(separator) for line in re.split(r"[\r\n]", text) for separator in (",", ";")]
    return [cell for row in itertools.chain(*cut, naive) for cell in row if _is_formula(cell)]


def _is_formula(cell: str) -> bool:
    return cell.startswith(STARTS) and not re.fullmatch(r"[+-]\d[\d.,]*%?\"?", cell)
