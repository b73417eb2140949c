"""Uploads by presigned addresses on a real S3 server: announced, PUT, completed, forecast; and what goes wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx2
import pytest
from fastapi.testclient import TestClient

from app.api.main import create_app
from app.core.clients import Clients
from app.core.config import Settings
from app.core.lake import IncomingKeys
from app.pipeline.companies import open_account
from app.pipeline.retention import tidy
from tests.s3_server import S3Server
from tests.shop import CNPJ, raw_keys, sold_in, sold_in_months, write_months, write_shop, write_workbook
from tests.test_api.shop_door import Shop

FORM = {"cnpj": CNPJ, "company_name": "Padaria"}
ONE = [{"name": "vendas_itens.csv"}]


@pytest.fixture
def shop(settings: Settings, s3_server: S3Server, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """A shop whose lake is a prefix of a bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_server.credentials.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_server.credentials.secret)
    lake = {"lake_url": f"s3://{s3_server.bucket}/{uuid4()}", "s3_endpoint": s3_server.endpoint}
    on_s3 = settings.model_copy(update=lake)
    secret = open_account(clients, name="Padaria", key_name="teste")[1]
    with TestClient(create_app(on_s3), raise_server_exceptions=False) as http:
        yield Shop(http, on_s3, {"Authorization": f"Bearer {secret}"})


def announced(shop: Shop, files: list[dict[str, str]]) -> dict[str, Any]:
    answer = shop.http.post("/uploads", headers=shop.headers, json=FORM | {"files": files})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def complete(shop: Shop, direct: dict[str, Any]) -> Any:  # noqa: ANN401
    return shop.http.post(direct["complete"], headers=shop.headers)


def put(slot: dict[str, str], content: bytes) -> int:
    """As any program would: the address is all it has."""
    return httpx2.put(slot["url"], content=content).status_code


def objects(shop: Shop, folder: str) -> list[str]:
    return [stored.key for stored in shop.http.app.state.clients.store.list(folder)]  # type: ignore[attr-defined]


def test_files_put_to_signed_addresses_become_a_published_forecast(shop: Shop, tmp_path: Path) -> None:
    files = write_shop(tmp_path / "files", bad_lines=1)
    direct = announced(shop, [{"name": file.name} for file in files])
    assert [slot["name"] for slot in direct["files"]] == [file.name for file in files]
    assert all("X-Amz-Signature=" in slot["url"] for slot in direct["files"])
    assert not any(secret in str(direct) for secret in ("segredo-da-loja", shop.headers["Authorization"][7:]))
    for slot, file in zip(direct["files"], files, strict=True):
        assert put(slot, file.path.read_bytes()) == 200
    first = complete(shop, direct)
    assert (first.status_code, first.headers["location"]) == (202, first.json()["url"])
    shop.work()
    upload = shop.http.get(first.json()["url"], headers=shop.headers).json()
    assert upload["state"] == "published"
    assert {table["table"]: table["rows"]["rejected"] for table in upload["report"]["tables"]}["vendas_itens"] == 1
    rows = shop.http.get(f"/predictions/{CNPJ}", headers=shop.headers, params={"level": "product"}).json()["rows"]
    assert {row["id"] for row in rows} == {"PAO", "BOLO"}
    assert complete(shop, direct).json() == first.json(), "asked again, it answers the same"
    assert objects(shop, "incoming") == []
    assert len(shop.http.get("/uploads", headers=shop.headers).json()["uploads"]) == 1


def test_the_same_bytes_announced_again_are_the_same_upload(shop: Shop, tmp_path: Path) -> None:
    files = write_shop(tmp_path / "files", days=30)
    became = []
    for _ in range(2):
        direct = announced(shop, [{"name": file.name} for file in files])
        for slot, file in zip(direct["files"], files, strict=True):
            put(slot, file.path.read_bytes())
        became.append(complete(shop, direct).json()["id"])
    assert became[0] == became[1]


def test_a_file_a_month_put_there_all_count(shop: Shop, tmp_path: Path) -> None:
    paths = write_months(tmp_path / "files", [1, 2, 3])
    direct = announced(shop, [{"name": path.name, "table": "vendas_itens"} for path in paths])
    for slot, path in zip(direct["files"], paths, strict=True):
        assert put(slot, path.read_bytes()) == 200
    completed = complete(shop, direct)
    assert completed.status_code == 202, completed.text
    shop.work()
    upload = shop.http.get(completed.json()["url"], headers=shop.headers).json()
    lake = shop.http.app.state.clients.store  # type: ignore[attr-defined]
    assert upload["state"] == "published"
    assert sold_in(lake) == sold_in_months([1, 2, 3])
    assert raw_keys(lake) == [file["key"] for file in upload["files"]]
    assert objects(shop, "incoming") == []


def test_of_a_workbook_put_there_the_named_tab_alone_is_read(shop: Shop, tmp_path: Path) -> None:
    book = write_workbook(tmp_path / "ano.xlsx", tabs=["Setembro", "Outubro"]).read_bytes()
    told = []
    for tab in ("Setembro", "Outubro", "Maio"):
        direct = announced(shop, [{"name": "ano.xlsx", "tab": tab}])
        put(direct["files"][0], book)
        told.append(shop.http.get(complete(shop, direct).json()["url"], headers=shop.headers).json())
    read = [[sheet["dialect"]["tab"] for sheet in upload["report"].get("recognised", [])] for upload in told]
    assert read == [["Setembro"], ["Outubro"], []]
    assert told[0]["id"] != told[1]["id"], "the same bytes, and another upload"
    assert (told[2]["state"], told[2]["error"]["code"]) == ("failed", "not-a-table")


@pytest.mark.parametrize("tab", ["", "Abril\x00", "a" * 32])
def test_a_tab_that_no_workbook_can_have_is_refused_when_it_is_announced(shop: Shop, tab: str) -> None:
    files = [{"name": "ano.xlsx", "tab": tab}]
    refused = shop.http.post("/uploads", headers=shop.headers, json=FORM | {"files": files})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request")


def test_completing_before_all_files_are_there_says_which_is_missing(shop: Shop, tmp_path: Path) -> None:
    files = write_shop(tmp_path / "files", days=30)
    direct = announced(shop, [{"name": file.name} for file in files])
    for slot, file in list(zip(direct["files"], files, strict=True))[:2]:
        put(slot, file.path.read_bytes())
    early = complete(shop, direct)
    assert (early.status_code, early.json()["code"]) == (409, "file-not-arrived")
    assert files[2].name in early.json()["detail"]
    put(direct["files"][2], files[2].path.read_bytes())
    assert complete(shop, direct).status_code == 202


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("file-0", "file-1"),
        ("/incoming/", "/raw/"),
        ("X-Amz-Expires=", "X-Amz-Expires=9"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ],
)
def test_a_signed_address_that_was_changed_is_good_for_nothing(shop: Shop, written: str, instead: str) -> None:
    slot = announced(shop, ONE)["files"][0]
    changed = slot["url"].replace(written, instead)
    assert changed != slot["url"]
    assert put({"url": changed}, b"Pedido;Data;SKU;Quantidade\r\n1;20/11/2026;A;2\r\n") in {400, 403}
    assert objects(shop, "") == []


def test_a_signed_address_neither_reads_nor_lists_nor_removes(shop: Shop) -> None:
    slot = announced(shop, ONE)["files"][0]
    assert put(slot, b"Pedido;Data;SKU;Quantidade\r\n1;20/11/2026;A;2\r\n") == 200
    assert [httpx2.request(method, slot["url"]).status_code for method in ("GET", "DELETE")] == [403, 403]
    assert len(objects(shop, "incoming")) == 1


def test_a_signed_address_is_over_after_its_time(shop: Shop) -> None:
    store = shop.http.app.state.clients.store  # type: ignore[attr-defined]
    key = IncomingKeys(uuid4(), uuid4()).file("file-0")
    url = store.put_url(key, lasts=timedelta(seconds=1))
    until = datetime.now(UTC) + timedelta(seconds=2.5)
    while datetime.now(UTC) < until:
        pass
    assert put({"url": url}, b"x") in {400, 403}
    assert not store.exists(key)


def test_what_weighs_too_much_is_refused_and_removed(shop: Shop) -> None:
    direct = announced(shop, ONE)
    assert put(direct["files"][0], b"x" * 1_200_000) == 200  # the shop's limit is 1 MB; S3 does not know it
    answer = complete(shop, direct)
    assert (answer.status_code, answer.json()["code"]) == (413, "upload-too-large")
    assert objects(shop, "") == []


def test_what_cannot_be_read_fails_in_words_at_the_uploads_address(shop: Shop) -> None:
    direct = announced(shop, ONE)
    put(direct["files"][0], b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01")
    upload = shop.http.get(complete(shop, direct).json()["url"], headers=shop.headers).json()
    assert (upload["state"], upload["error"]["code"]) == ("failed", "not-a-table")


def test_no_other_account_completes_it_or_learns_its_addresses(shop: Shop, stranger: dict[str, str]) -> None:
    direct = announced(shop, ONE)
    refused = shop.http.post(direct["complete"], headers=stranger)
    nowhere = shop.http.post(f"/uploads/{uuid4()}/complete", headers=stranger)
    assert (refused.status_code, refused.json()["code"]) == (nowhere.status_code, nowhere.json()["code"])
    assert refused.status_code == 404
    assert urlsplit(direct["files"][0]["url"]).netloc not in refused.text


def test_what_is_never_completed_is_gone_after_a_day(shop: Shop) -> None:
    direct = announced(shop, ONE)
    put(direct["files"][0], b"Pedido;Data;SKU;Quantidade\r\n1;20/11/2026;A;2\r\n")
    clients = shop.http.app.state.clients  # type: ignore[attr-defined]
    tidy(clients, now=datetime.now(UTC) + timedelta(hours=25))
    assert objects(shop, "") == []
    assert complete(shop, direct).status_code == 404
