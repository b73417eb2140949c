"""What happens to what we hold: exported whole, erased for good, expired in time; and who is told."""

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook

from app.core.outgoing import public_address
from app.domain.errors import ForbiddenAddress
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


def test_objects_that_nothing_points_to_any_more_go(shop: Shop, tmp_path: Path) -> None:
    for folder, bad in (("a", 0), ("b", 1)):
        shop.upload(tmp_path / folder, bad_lines=bad)
        shop.work()
    assert len(list((tmp_path / "lake").glob("predictions/**/forecast_*"))) == 2
    clients = shop.http.app.state.clients  # type: ignore[attr-defined]
    tidy(clients, now=datetime.now(UTC) + timedelta(days=3))
    assert len(list((tmp_path / "lake").glob("predictions/**/forecast_*"))) == 1
    assert shop.http.get(f"/predictions/{CNPJ}?view=daily", headers=shop.headers).status_code == 200


class Received(NamedTuple):
    headers: dict[str, str]
    body: bytes


class Ear(NamedTuple):
    url: str
    heard: list[Received]
    answers: list[int]


@pytest.fixture
def ear() -> Iterator[Ear]:
    """A receiver that answers what it is told to, 204 by default."""
    heard: list[Received] = []
    answers: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append(Received({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(answers.pop(0) if answers else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Ear(f"http://127.0.0.1:{server.server_port}/hook", heard, answers)
        server.shutdown()
        thread.join()


def test_a_webhook_is_told_signed_and_logged(shop: Shop, tmp_path: Path, ear: Ear) -> None:
    made = shop.http.post("/webhooks", headers=shop.headers, json={"url": ear.url}).json()
    address = shop.upload(tmp_path / "files")
    shop.work()
    told = Webhook(made["secret"]).verify(ear.heard[0].body, ear.heard[0].headers)
    assert told["type"] == "upload.published"
    assert address.endswith(told["data"]["upload_id"])
    log = shop.http.get(f"/webhooks/{made['id']}/deliveries", headers=shop.headers).json()["deliveries"]
    assert [attempt["status"] for attempt in log[0]["attempts"]] == [204]
    assert log[0]["delivered_at"] is not None


def test_a_webhook_that_fails_is_tried_again_later(shop: Shop, tmp_path: Path, ear: Ear) -> None:
    ear.answers.append(500)
    made = shop.http.post("/webhooks", headers=shop.headers, json={"url": ear.url}).json()
    shop.upload(tmp_path / "files")
    shop.work()
    path = f"/webhooks/{made['id']}/deliveries"
    log = shop.http.get(path, headers=shop.headers).json()["deliveries"][0]
    assert log["next_attempt_at"] is not None
    with shop.http.app.state.clients.database.queueing() as session:  # type: ignore[attr-defined]
        session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE task_name = 'deliver'"))
    shop.work()
    log = shop.http.get(path, headers=shop.headers).json()["deliveries"][0]
    assert [attempt["status"] for attempt in log["attempts"]] == [500, 204]
    assert ear.heard[0].headers["webhook-id"] == ear.heard[1].headers["webhook-id"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://user@10.0.0.1/",
        "https://1.1.1.1\n/",
        "https://example.com:99999/",
        "ftp://1.1.1.1/",
        "https:///",
        "",
    ],
)
def test_an_address_that_is_not_public_is_never_called(url: str) -> None:
    with pytest.raises(ForbiddenAddress):
        public_address(url)
    assert public_address("https://1.1.1.1/") == "1.1.1.1"
