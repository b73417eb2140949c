"""The doors over HTTP: upload, poll, read; and every refusal."""

from pathlib import Path
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from app.core.clients import Clients
from app.domain.errors import by_code
from app.pipeline.companies import open_account
from tests.shop import CNPJ
from tests.test_api.shop_door import Shop
from tests.test_processing.workbooks_by_hand import cell, sheet, xlsx

READINGS = ("predictions", "products", "sales", "accuracy")


def test_from_upload_to_predictions(shop: Shop, tmp_path: Path) -> None:
    address = shop.upload(tmp_path / "files", bad_lines=1)
    assert shop.http.get(address, headers=shop.headers).json()["state"] == "received"
    shop.work()
    upload = shop.http.get(address, headers=shop.headers).json()
    assert upload["state"] == "published"
    assert upload["progress"] == 100
    answers = {what: shop.http.get(f"/{what}/{CNPJ}", headers=shop.headers).json() for what in READINGS}
    assert {answer["run_id"] for answer in answers.values()} == {answers["sales"]["run_id"]}
    first = answers["predictions"]["rows"][0]
    assert (first["level"], first["id"], first["name"]) == ("company", CNPJ, "Padaria São João")
    assert first["p10"] <= first["p50"] <= first["p90"]
    assert {row["id"]: row["name"] for row in answers["products"]["rows"]} == {
        "PAO": "Pão francês",
        "BOLO": "Bolo de cenoura",
    }
    assert {row["model"] for row in answers["accuracy"]["rows"]} >= {"quantyfy", "seasonal_naive"}


def test_predictions_are_cut_by_level_id_horizon_and_day(shop: Shop, tmp_path: Path) -> None:
    shop.upload(tmp_path / "files")
    shop.work()

    def rows(**query: str | int) -> list[dict[str, object]]:
        answer = shop.http.get(f"/predictions/{CNPJ}", headers=shop.headers, params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["rows"])

    assert [row["horizon_days"] for row in rows(level="product", id="PAO")] == [30, 60, 90]
    assert {row["level"] for row in rows(horizon_days=60)} >= {"company", "category", "product"}
    days = rows(view="daily", level="product", id="PAO")
    assert len(days) == 90
    assert days[0]["date"] == "2025-07-20"
    assert sum(float(str(day["mean"])) for day in days[:30]) == pytest.approx(
        float(str(rows(level="product", id="PAO", horizon_days=30)[0]["mean"]))
    )


def test_the_company_may_be_named_with_punctuation_in_the_form(shop: Shop, tmp_path: Path) -> None:
    shop.upload(tmp_path / "files", cnpj="11.222.333/0001-81")
    shop.work()
    assert shop.http.get(f"/accuracy/{CNPJ}", headers=shop.headers).status_code == 200


@pytest.mark.parametrize(
    ("files", "form", "code", "status"),
    [
        ({"vendas_itens": b"x"}, {"cnpj": "11222333000182"}, "invalid-cnpj", 422),
        ({"vendas_itens": b""}, {}, "empty-file", 422),
        ({"vendas_itens": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x01"}, {}, "not-a-table", 422),
        ({"vendas_itens": "Código;Cor\nA;azul\n".encode()}, {}, "missing-column", 422),
        ({"vendas_itens": b"a" * 1_200_000}, {}, "upload-too-large", 413),
        ({"vendas_itens": xlsx(sheet(cell()))}, {}, "workbook-too-large", 422),
        ({}, {}, "unsupported-content", 415),
        ({"vendas_itens": b"x"}, {"company_name": ""}, "invalid-request", 422),
    ],
)
def test_each_bad_upload_is_its_own_problem_and_stores_nothing(
    shop: Shop, tmp_path: Path, files: dict[str, bytes], form: dict[str, str], code: str, status: int
) -> None:
    parts = {name: (f"{name}.csv", content) for name, content in files.items()}
    fields = {"cnpj": CNPJ, "company_name": "Padaria"} | form
    answer = shop.http.post("/upload", headers=shop.headers, data=fields, files=parts or None)
    problem = answer.json()
    assert (problem["code"], answer.status_code) == (code, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"/problems/{code}"
    assert problem["title"] == by_code()[code].title()
    assert problem["status"] == status
    assert [path for path in (tmp_path / "lake").rglob("*") if path.is_file()] == []
    assert shop.http.get(f"/predictions/{CNPJ}", headers=shop.headers).json()["code"] == "unknown-company"


@pytest.mark.parametrize("query", ["", "?dry_run=true"])
def test_a_workbook_with_a_cell_far_away_is_refused_and_the_service_goes_on(shop: Shop, query: str) -> None:
    files = {"vendas_itens": ("ano.xlsx", xlsx(sheet(cell())))}
    answer = shop.http.post(
        f"/upload{query}", headers=shop.headers, data={"cnpj": CNPJ, "company_name": "Padaria"}, files=files
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "workbook-too-large")
    assert shop.http.get("/health/live").status_code == 200


@pytest.mark.parametrize("what", READINGS)
def test_an_unknown_company_is_not_found(shop: Shop, what: str) -> None:
    answer = shop.http.get(f"/{what}/{CNPJ}", headers=shop.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown-company")


@pytest.mark.parametrize("what", READINGS)
def test_a_company_that_waits_for_its_forecast_says_so(shop: Shop, tmp_path: Path, what: str) -> None:
    shop.upload(tmp_path / "files")
    answer = shop.http.get(f"/{what}/{CNPJ}", headers=shop.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-forecast-yet")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer qk_wrong"}, {"Authorization": "Basic YTpi"}])
@pytest.mark.parametrize("path", [*(f"/{what}/{CNPJ}" for what in READINGS), f"/uploads/{UUID(int=7)}"])
def test_no_key_and_a_wrong_key_are_refused(http: TestClient, headers: dict[str, str], path: str) -> None:
    answer = http.get(path, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "not-authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_another_account_finds_neither_upload_nor_company(shop: Shop, clients: Clients, tmp_path: Path) -> None:
    address = shop.upload(tmp_path / "files")
    shop.work()
    stranger = {"Authorization": f"Bearer {open_account(clients, name='Outra', key_name='k')[1]}"}
    for path in (address, *(f"/{what}/{CNPJ}" for what in READINGS)):
        assert shop.http.get(path, headers=stranger).status_code == 404, path


def test_a_problem_speaks_english_when_asked(shop: Shop) -> None:
    answer = shop.http.get("/products/191", headers=shop.headers | {"Accept-Language": "en-GB,en;q=0.9,pt;q=0.5"})
    assert answer.json()["title"] == "Invalid CNPJ."
    assert answer.headers["content-language"] == "en"


def test_a_cursor_of_another_run_is_stale(shop: Shop, tmp_path: Path) -> None:
    shop.upload(tmp_path / "files")
    shop.work()
    page = shop.http.get(f"/predictions/{CNPJ}", headers=shop.headers, params={"limit": 2}).json()
    assert len(page["rows"]) == 2
    following = {"limit": 2, "cursor": page["next_cursor"]}
    assert shop.http.get(f"/predictions/{CNPJ}", headers=shop.headers, params=following).status_code == 200
    for cursor in ("%%%", "bm9uZTox", page["next_cursor"][:-8]):
        answer = shop.http.get(f"/predictions/{CNPJ}", headers=shop.headers, params={"cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (409, "stale-cursor")


def test_unknown_addresses_and_methods_are_problems_too(http: TestClient) -> None:
    assert http.get("/nothing").json()["code"] == "unknown-route"
    assert http.delete("/upload").json()["code"] == "wrong-method"


@pytest.mark.parametrize(
    ("method", "path", "taken"),
    [
        ("DELETE", "/upload", "POST"),
        ("PUT", "/keys", "GET, POST"),  # two routes
        ("POST", f"/companies/{CNPJ}", "DELETE"),
        ("POST", f"/predictions/{CNPJ}", "GET, HEAD"),
        ("HEAD", "/docs", "GET"),
        ("PUT", "/openapi.json", "GET, HEAD"),
        ("BREW", "/session", "DELETE, GET, POST"),
    ],
)
def test_a_refused_method_is_told_which_ones_are_taken(http: TestClient, method: str, path: str, taken: str) -> None:
    refused = http.request(method, path)
    assert (refused.status_code, refused.headers["allow"]) == (405, taken)


def test_every_error_has_a_code_of_its_own_and_an_address_that_explains_it(http: TestClient) -> None:
    kinds = by_code()
    for code, kind in kinds.items():
        explained = http.get(f"/problems/{code}").json()
        assert explained["title"] == kind.title()
        assert explained["title"]
    assert http.get("/problems/none").status_code == 404


def test_live_ready_and_metrics_need_no_key(http: TestClient) -> None:
    assert http.get("/health/live").json() == {"status": "alive"}
    assert http.get("/health/ready").json() == {"status": "ready"}
    metrics = http.get("/metrics").text
    assert 'quantyfy_http_request_seconds_count{method="GET",route="/health/ready",status="200"}' in metrics


def test_every_answer_carries_a_request_id(http: TestClient) -> None:
    ids = {http.get("/health/live").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


def test_columns_may_be_named_in_the_form_and_tried_first(shop: Shop) -> None:
    files = {"vendas_itens": ("itens.csv", b"Pedido;Data;Treco;Qtd\n1;20/11/2026;A1;2\n2;21/11/2026;A1;3\n")}
    form = {"cnpj": CNPJ, "company_name": "Padaria", "columns": '{"vendas_itens": {"Treco": "sku"}}'}
    tried = shop.http.post("/upload", params={"dry_run": True}, headers=shop.headers, data=form, files=files)
    named = {column["header"]: column["field"] for column in tried.json()["recognised"][0]["columns"]}
    assert named["Treco"] == "sku"
    sent = shop.http.post("/upload", headers=shop.headers, data=form, files=files)
    shop.work()
    upload = shop.http.get(sent.headers["location"], headers=shop.headers).json()
    assert upload["state"] == "published"
    assert upload["report"]["tables"][0]["rows"]["accepted"] == 2


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ('{"vendas_itens": {"Treco": "produto"}}', "unknown-field"),
        ('{"vendas_itens": {"Trecho": "sku", "Treco": "sku"}}', "unknown-heading"),
        ('{"vendas": ["x"]}', "invalid-request"),
        ("{", "invalid-request"),
    ],
)
def test_a_column_mapping_that_cannot_be_followed_is_a_problem(shop: Shop, columns: str, code: str) -> None:
    files = {"vendas_itens": ("itens.csv", b"Pedido;Data;Treco;Qtd\n1;20/11/2026;A1;2\n")}
    form = {"cnpj": CNPJ, "company_name": "Padaria", "columns": columns}
    answer = shop.http.post("/upload", headers=shop.headers, data=form, files=files)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
