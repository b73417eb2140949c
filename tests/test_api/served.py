"""One account with a forecast, an upload, a key, a webhook, a receipt: what strangers try to reach."""

from pathlib import Path
from typing import NamedTuple

from fastapi.testclient import TestClient

from app.core.clients import Clients
from app.core.config import Settings
from app.core.database import AccountId
from app.pipeline.companies import open_account
from tests.shop import CNPJ
from tests.test_api.shop_door import Shop

GONE = "12ABC34501DE35"  # a second company, erased at once for the sake of its receipt


class Served(NamedTuple):
    """A shop whose forecast is published, and the ids of everything it has."""

    shop: Shop
    account: AccountId
    ids: dict[str, str]

    @property
    def http(self) -> TestClient:
        return self.shop.http

    @property
    def headers(self) -> dict[str, str]:
        return self.shop.headers


def serve(http: TestClient, settings: Settings, clients: Clients, folder: Path) -> Served:
    """Make all of it, through the doors."""
    account, secret = open_account(clients, name="Padaria", key_name="teste")
    shop = Shop(http, settings, {"Authorization": f"Bearer {secret}"})
    address = shop.upload(folder / "files", bad_lines=2)
    gone = shop.upload(folder / "gone", cnpj=GONE)
    assert gone != address
    shop.work()
    made = {
        "erasure_id": http.delete(f"/companies/{GONE}", headers=shop.headers),
        "key_id": http.post("/keys", headers=shop.headers, json={"name": "ERP"}),
        "webhook_id": _webhook(http, shop),
        "direct": announce(http, shop),
    }
    shop.work()
    assert {name: answer.is_success for name, answer in made.items()} == dict.fromkeys(made, True)
    ids = {name: str(answer.json()["id"]) for name, answer in made.items()}
    return Served(shop, account, ids | {"upload_id": address.rsplit("/", 1)[-1], "cnpj": CNPJ})


def announce(http: TestClient, shop: Shop):  # type: ignore[no-untyped-def]  # noqa: ANN201  the client's own answer
    """An upload that waits for its files."""
    announced = {"cnpj": CNPJ, "company_name": "Padaria", "files": [{"name": "vendas_itens.csv"}]}
    return http.post("/uploads", headers=shop.headers, json=announced)


def _webhook(http: TestClient, shop: Shop):  # type: ignore[no-untyped-def]  # noqa: ANN202  the client's own answer
    return http.post("/webhooks", headers=shop.headers, json={"url": "http://127.0.0.1:9/none"})
