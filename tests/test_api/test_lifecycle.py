"""What happens to what we hold: exported whole, erased for good, expired in time."""

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.pipeline.retention import tidy
from tests.shop import CNPJ
from tests.test_api.served import GONE, Served
from tests.test_api.shop_door import Shop


def test_an_export_holds_everything_of_the_company(served: Served) -> None:
    answer = served.http.get(f"/companies/{CNPJ}/export", headers=served.headers)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        uploads = json.loads(archive.read("envios.json"))
    kinds = [name.split("/")[0] for name in names if "/" in name]
    assert kinds.count("raw") == 3
    assert {"processed", "predictions"} <= set(kinds)
    assert [upload["id"] for upload in uploads] == [served.ids["upload_id"]]


def test_an_erased_company_leaves_a_receipt_and_nothing_else(served: Served) -> None:
    receipt = served.http.get(f"/erasures/{served.ids['erasure_id']}", headers=served.headers).json()
    assert receipt["finished_at"] is not None
    assert receipt["removed"]["objects"] > 3
    assert served.http.get(f"/predictions/{GONE}", headers=served.headers).status_code == 404
    lake = Path(served.shop.settings.lake.removeprefix("file://"))
    assert not [path for path in lake.rglob("*") if GONE in str(path)]


def test_an_erased_company_may_begin_again_before_its_objects_are_gone(shop: Shop, tmp_path: Path) -> None:
    shop.upload(tmp_path / "a")
    shop.work()
    receipt = shop.http.delete(f"/companies/{CNPJ}", headers=shop.headers).json()
    assert shop.http.get(f"/predictions/{CNPJ}", headers=shop.headers).json()["code"] == "unknown-company"
    address = shop.upload(tmp_path / "b")
    shop.work()
    assert shop.http.get(address, headers=shop.headers).json()["state"] == "published"
    assert shop.http.get(f"/predictions/{CNPJ}", headers=shop.headers).status_code == 200
    assert shop.http.get(f"/erasures/{receipt['id']}", headers=shop.headers).json()["finished_at"] is not None


def test_raw_files_go_after_ninety_days_and_the_forecast_stays(shop: Shop, tmp_path: Path) -> None:
    address = shop.upload(tmp_path / "files", bad_lines=1)
    shop.work()
    lake = tmp_path / "lake"
    clients = shop.http.app.state.clients  # type: ignore[attr-defined]
    tidy(clients, now=datetime.now(UTC) + timedelta(days=89))
    assert len(list(lake.glob("raw/**/*.csv"))) == 3
    for _ in range(2):  # doing it again changes nothing
        tidy(clients, now=datetime.now(UTC) + timedelta(days=91))
    assert not list(lake.glob("raw/**/*.csv"))
    assert shop.http.get(f"/predictions/{CNPJ}", headers=shop.headers).status_code == 200
    gone = shop.http.get(f"{address}/rejected", headers=shop.headers)
    assert (gone.status_code, gone.json()["code"]) == (410, "expired")
