"""A small workbook with a cell far away, through every door: refused in words, in little memory, and all goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.shop import CNPJ
from tests.test_api.shop_door import Shop
from tests.test_processing.workbooks_by_hand import (
    TABLE,
    cell,
    ods,
    ods_blank,
    ods_row,
    ods_rows,
    ods_text,
    sheet,
    xls,
    xls_sheet,
    xlsb,
    xlsb_sheet,
    xlsx,
    zipped,
)

FORM = {"cnpj": CNPJ, "company_name": "Padaria"}
FAR: dict[str, Callable[[], bytes]] = {
    "ano.xlsx": lambda: xlsx(sheet(cell())),
    "ano.xls": lambda: xls(xls_sheet([*TABLE, (60_000, 20_000, "x")])),
    "ano.xlsb": lambda: xlsb(xlsb_sheet([*TABLE, (1_048_575, 16_383, "x")])),
    "ano.ods": lambda: ods(ods_rows() + ods_row("", times=900_000) + ods_row(ods_blank(16_000) + ods_text("x"))),
    "ano.zip": lambda: zipped({"2025/ano.xlsx": xlsx(sheet(cell()))}),
}
MOST_MEGABYTES = 200


@contextmanager
def little_memory() -> Iterator[None]:
    """This process takes less than 200 MB more meanwhile than it had."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = peak_mb()
    yield
    assert peak_mb() - before < MOST_MEGABYTES


def peak_mb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
@pytest.mark.parametrize("name", FAR)
def test_an_upload_is_refused_and_the_service_goes_on(shop: Shop, name: str, query: str) -> None:
    files = {"vendas_itens": (name, FAR[name]())}
    with little_memory():
        answer = shop.http.post(f"/upload{query}", headers=shop.headers, data=FORM, files=files)
    assert (answer.status_code, answer.json()["code"]) == (422, "workbook-too-large")
    assert "Ctrl+End" in answer.json()["detail"]
    assert shop.http.get("/health/live").status_code == 200


def test_a_file_that_went_straight_to_the_lake_is_refused_and_the_worker_goes_on(shop: Shop, tmp_path: Path) -> None:
    announced = shop.http.post(
        "/uploads", headers=shop.headers, json={**FORM, "files": [{"name": "ano.xlsx", "table": "vendas_itens"}]}
    ).json()
    shop.http.put(announced["files"][0]["url"], headers=shop.headers, content=FAR["ano.xlsx"]())
    shop.http.post(announced["complete"], headers=shop.headers)
    with little_memory():
        shop.work()
    upload = shop.http.get(f"/uploads/{announced['id']}", headers=shop.headers).json()
    assert (upload["state"], upload["error"]["code"]) == ("failed", "workbook-too-large")
    address = shop.upload(tmp_path / "files")
    shop.work()
    assert shop.http.get(address, headers=shop.headers).json()["state"] == "published"
