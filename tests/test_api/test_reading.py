"""Readings: formats, validators, filters, pages."""

import io
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient

from app.api.answers import MEDIA_TYPES
from app.pipeline.rendering import Format
from tests.shop import CNPJ, write_shop
from tests.test_api.served import Served
from tests.test_api.shop_door import Shop

PATH = f"/predictions/{CNPJ}"


def get(served: Served, path: str = PATH, accept: str = "application/json", **query: Any) -> Any:  # noqa: ANN401
    answer = served.http.get(path, headers=served.headers | {"Accept": accept}, params=query or None)
    assert answer.status_code == 200, answer.text
    return answer


def frame(body: bytes, kind: Format) -> pl.DataFrame:
    if kind is Format.CSV:
        return pl.read_csv(io.BytesIO(body))
    return pl.read_parquet(io.BytesIO(body)) if kind is Format.PARQUET else pl.read_excel(io.BytesIO(body))


@pytest.mark.parametrize("kind", [Format.CSV, Format.PARQUET, Format.XLSX])
@pytest.mark.parametrize("path", ["predictions", "products", "sales", "accuracy"])
def test_every_format_has_the_rows_of_json(served: Served, path: str, kind: Format) -> None:
    rows = get(served, f"/{path}/{CNPJ}", limit=1000).json()["rows"]
    answer = get(served, f"/{path}/{CNPJ}", MEDIA_TYPES[kind])
    assert answer.headers["content-type"].startswith(MEDIA_TYPES[kind])
    assert answer.headers["content-disposition"].endswith(f'.{kind.value}"')
    found = frame(answer.content, kind)
    assert answer.headers["quantyfy-run"] == get(served, f"/{path}/{CNPJ}").json()["run_id"]
    assert found.columns == list(rows[0])
    assert found.height == len(rows)
    assert get(served, f"/{path}/{CNPJ}", format=kind.value).content[:40] == answer.content[:40]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", Format.JSON),
        ("text/csv;q=0.5, application/json;q=0.4", Format.CSV),
        ("text/*, application/json;q=0.9", Format.CSV),
        ("text/csv;q=0, */*", Format.JSON),
    ],
)
def test_the_reader_chooses_the_format(served: Served, accept: str, kind: Format) -> None:
    assert get(served, accept=accept).headers["content-type"].startswith(MEDIA_TYPES[kind])


def test_a_format_we_do_not_have_is_not_acceptable(served: Served) -> None:
    answer = served.http.get(PATH, headers=served.headers | {"Accept": "application/pdf"})
    assert (answer.status_code, answer.json()["code"]) == (406, "not-acceptable")


def test_what_the_reader_has_is_not_sent_again(served: Served) -> None:
    first = get(served)
    for header, value in (
        ("If-None-Match", first.headers["etag"]),
        ("If-None-Match", f'"x", W/{first.headers["etag"]}'),
        ("If-None-Match", "*"),
        ("If-Modified-Since", first.headers["last-modified"]),
    ):
        for _ in range(2):  # the second time from memory
            again = served.http.get(PATH, headers=served.headers | {"Accept": "application/json", header: value})
            assert (again.status_code, again.content) == (304, b""), header
            assert again.headers["etag"] == first.headers["etag"]
    assert get(served, limit=1).headers["etag"] != first.headers["etag"]
    other = served.http.get(PATH, headers=served.headers | {"If-None-Match": '"other"'})
    assert other.status_code == 200


READINGS = ["predictions", "products", "sales", "accuracy", "runs"]
OF_THE_MOMENT = {"x-request-id", "ratelimit"}


@pytest.mark.parametrize("reading", READINGS)
def test_head_is_get_without_its_body(served: Served, reading: str) -> None:
    path = f"/{reading}/{CNPJ}?limit=1" if reading != "accuracy" else f"/{reading}/{CNPJ}"
    got = served.http.get(path, headers=served.headers)
    for _ in range(2):
        head = served.http.head(path, headers=served.headers)
        assert (head.status_code, head.content) == (200, b"")
        assert {k: v for k, v in head.headers.items() if k not in OF_THE_MOMENT} == {
            k: v for k, v in got.headers.items() if k not in OF_THE_MOMENT
        }
        assert head.headers["content-length"] == str(len(got.content))
    if "etag" in got.headers:
        has = {"If-None-Match": got.headers["etag"]}
        assert served.http.head(path, headers=served.headers | has).status_code == 304


@pytest.mark.parametrize("reading", READINGS)
def test_head_tells_a_stranger_nothing(served: Served, stranger: dict[str, str], reading: str) -> None:
    for headers in (stranger, {}):
        here, nowhere = (served.http.head(f"/{reading}/{cnpj}", headers=headers) for cnpj in (CNPJ, "12ABC34501DE35"))
        assert here.status_code == nowhere.status_code == (404 if headers else 401)
        assert here.content == nowhere.content == b""
        assert here.headers.keys() == nowhere.headers.keys()


def test_what_is_no_reading_takes_no_head(served: Served) -> None:
    for path in (f"/companies/{CNPJ}/export", f"/uploads/{served.ids['upload_id']}/events"):
        assert served.http.head(path, headers=served.headers).status_code == 405


def test_a_new_forecast_is_a_new_answer(shop: Shop, tmp_path: Path) -> None:
    shop.upload(tmp_path / "files")
    shop.work()
    first = shop.http.get(PATH, headers=shop.headers)
    assert shop.http.get(PATH, headers=shop.headers).content == first.content
    shop.upload(tmp_path / "more", bad_lines=3)
    shop.work()
    for _ in range(100):  # the announcement comes a moment after the commit
        now = shop.http.get(PATH, headers=shop.headers)
        if now.json()["run_id"] != first.json()["run_id"]:
            break
    assert now.headers["etag"] != first.headers["etag"]


def test_pages_follow_one_another_by_cursor_and_by_link(served: Served) -> None:
    whole = get(served, limit=1000).json()["rows"]
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 4}
    while True:
        page = get(served, **query)
        seen += page.json()["rows"]
        if page.json()["next_cursor"] is None:
            assert "link" not in page.headers
            break
        address = page.headers["link"].partition(">")[0].removeprefix("<")
        assert served.http.get(address, headers=served.headers).status_code == 200
        query = {"limit": 4, "cursor": page.json()["next_cursor"]}
    assert seen == whole


def test_a_cursor_belongs_to_its_question(served: Served) -> None:
    cursor = get(served, limit=2).json()["next_cursor"]
    answer = served.http.get(PATH, headers=served.headers, params={"cursor": cursor, "level": "product"})
    assert (answer.status_code, answer.json()["code"]) == (409, "stale-cursor")


@pytest.mark.parametrize(
    ("asked", "other"),
    [
        ("predictions?horizon_days=30", "predictions?horizon_days=60"),
        ("predictions?view=totals", "predictions?view=daily"),
        ("predictions?view=daily&horizon_days=30", "predictions?view=daily"),
        ("predictions?sort=mean", "predictions?sort=-mean"),
        ("sales?period=daily", "sales?period=weekly"),
        ("sales?search=p", "sales?search=a"),
    ],
)
def test_a_cursor_of_another_reading_is_stale(served: Served, asked: str, other: str) -> None:
    (path, query), (elsewhere, differently) = asked.split("?"), other.split("?")
    cursor = get(served, f"/{path}/{CNPJ}?{query}&limit=1").json()["next_cursor"]
    assert get(served, f"/{path}/{CNPJ}?{query}&limit=1&cursor={cursor}").json()["rows"]
    answer = served.http.get(f"/{elsewhere}/{CNPJ}?{differently}&limit=1&cursor={cursor}", headers=served.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "stale-cursor")


@pytest.mark.parametrize("days", [30, 60, 90])
def test_a_horizon_is_its_totals_or_its_days(served: Served, days: int) -> None:
    asked = f"{PATH}?level=product&id=PAO&horizon_days={days}"
    total = get(served, asked).json()["rows"]
    each = get(served, f"{asked}&view=daily").json()["rows"]
    assert len(total) == 1
    assert len(each) == days
    assert sum(row["mean"] for row in each) == pytest.approx(total[0]["mean"])


@pytest.mark.parametrize(
    "query", ["first_day=2025-07-25", "view=totals&last_day=2025-07-25", "view=daily&sort=horizon_days"]
)
def test_what_a_view_has_not_cannot_be_asked_of_it(served: Served, query: str) -> None:
    answer = served.http.get(f"{PATH}?{query}", headers=served.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


def test_rows_are_found_sorted_and_cut(served: Served) -> None:
    assert {row["id"] for row in get(served, search="PÃO FRANCES").json()["rows"]} == {"PAO"}
    assert {row["id"] for row in get(served, category="Padaria", level="product").json()["rows"]} == {"PAO"}
    means = [row["mean"] for row in get(served, sort="-mean").json()["rows"]]
    assert means == sorted(means, reverse=True)
    days = get(served, view="daily", level="product", id="PAO", first_day="2025-07-25", last_day="2025-07-27")
    assert [row["date"] for row in days.json()["rows"]] == ["2025-07-25", "2025-07-26", "2025-07-27"]
    wrong = served.http.get(PATH, headers=served.headers, params={"sort": "date"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid-request")


def test_products_tell_their_class_last_sale_price_and_trend(served: Served) -> None:
    rows = {row["id"]: row for row in get(served, f"/products/{CNPJ}").json()["rows"]}
    assert rows["PAO"]["last_sale"] == "2025-07-19"
    assert rows["PAO"]["price"] == 0.75
    assert {row["abc"] for row in rows.values()} == {"A"}
    assert rows["PAO"]["trend"] == pytest.approx(rows["PAO"]["mean_30"] / rows["PAO"]["sold_30"] - 1)


@pytest.mark.parametrize("kind", Format)
def test_a_reason_is_told_in_the_readers_language(served: Served, kind: Format) -> None:
    found = {}
    for _ in range(2):  # the second time from memory
        for language in ("pt-BR", "en", "en-US, pt;q=0.5"):
            headers = served.headers | {"Accept": MEDIA_TYPES[kind], "Accept-Language": language}
            answer = served.http.get(f"/products/{CNPJ}", headers=headers)
            assert answer.headers["content-language"] == ("pt-BR" if language == "pt-BR" else "en")
            assert "Accept-Language" in answer.headers["vary"]
            found[language] = answer
    rows = {
        language: pl.DataFrame(answer.json()["rows"]) if kind is Format.JSON else frame(answer.content, kind)
        for language, answer in found.items()
    }
    portuguese, english, again = rows.values()
    assert "reason_en" not in english.columns
    assert english["reason"].str.contains("days of history|sold on|range is|no sale for|sells unevenly").all()
    assert not portuguese["reason"].str.contains("days of history|sold on|range is|no sale for|sells unevenly").any()
    assert english.equals(again)
    assert portuguese.drop("reason").equals(english.drop("reason"))
    has = {"If-None-Match": found["pt-BR"].headers["etag"]}
    said = {"Accept": MEDIA_TYPES[kind], "Accept-Language": "en"}
    assert served.http.get(f"/products/{CNPJ}", headers=served.headers | said | has).status_code == 200


def test_a_forecast_of_before_english_is_told_in_portuguese(shop: Shop, tmp_path: Path) -> None:
    shop.upload(tmp_path / "files")
    shop.work()
    [series] = (tmp_path / "lake").rglob("*series*.parquet")
    pl.read_parquet(series).drop("reason_en").write_parquet(series)
    told = [
        shop.http.get(f"/products/{CNPJ}", headers=shop.headers | {"Accept-Language": language})
        for language in ("en", "pt-BR")
    ]
    english, portuguese = (answer.json()["rows"] for answer in told)
    assert english == portuguese
    assert all(row["reason"] for row in english)


def test_a_product_that_has_not_sold_is_listed_with_what_can_be_said(shop: Shop, tmp_path: Path) -> None:
    """Loaves that never sold are known to sell nothing; of candles, alone in their category, nothing is known."""
    files = {file.path.stem: file.path.read_bytes() for file in write_shop(tmp_path / "files")}
    loaves = "".join(f"BROA{place:02d};Broa;Padaria;4,00\r\n" for place in range(12))
    files["produtos"] += (loaves + "VELA;Vela;Festa;2,00\r\n").encode("cp1252")
    form = {"cnpj": CNPJ, "company_name": "Padaria São João"}
    named = {name: (f"{name}.csv", body) for name, body in files.items()}
    assert shop.http.post("/upload", headers=shop.headers, data=form, files=named).status_code == 202
    shop.work()
    listed = shop.http.get(f"/products/{CNPJ}", headers=shop.headers).json()["rows"]
    rows = {row["id"]: row for row in listed}
    assert len(listed) == 2 + 12 + 1
    assert listed[-1]["id"] == "VELA"  # what earns most first, what is not known last
    assert (rows["BROA00"]["mean_90"], rows["BROA00"]["grade"], rows["BROA00"]["last_sale"]) == (0, "D", None)
    assert (rows["VELA"]["mean_30"], rows["VELA"]["name"], rows["VELA"]["price"]) == (None, "Vela", 2)
    assert rows["VELA"]["reason"] == "ainda não vendeu, nem outro produto da categoria"
    ahead = {sku: shop.http.get(PATH, headers=shop.headers, params={"id": sku}).json()["rows"] for sku in rows}
    assert [row["mean"] for row in ahead["BROA00"]] == [0, 0, 0]
    assert ahead["VELA"] == []
    days = shop.http.get(PATH, headers=shop.headers, params={"id": "BROA00", "view": "daily"})
    assert (days.status_code, days.json()["rows"]) == (200, [])


def test_sales_by_month_are_the_sales_by_day(served: Served) -> None:
    days = get(served, f"/sales/{CNPJ}", limit=1000, first_day="2025-02-01", last_day="2025-03-31").json()["rows"]
    months = get(served, f"/sales/{CNPJ}", period="monthly", first_day="2025-02-01", last_day="2025-03-31").json()
    assert [row["date"] for row in months["rows"]] == ["2025-02-01", "2025-03-01"]
    assert sum(row["quantity"] for row in months["rows"]) == pytest.approx(sum(row["quantity"] for row in days))


def test_runs_say_which_is_served(served: Served) -> None:
    runs = get(served, f"/runs/{CNPJ}").json()["runs"]
    assert [run["is_served"] for run in runs] == [True]
    assert runs[0]["id"] == get(served).json()["run_id"]


def test_reading_is_written_down_once_a_day(served: Served) -> None:
    for _ in range(3):
        get(served, f"/accuracy/{CNPJ}")
    entries = served.http.get("/audit", headers=served.headers, params={"limit": 1000}).json()["entries"]
    reads = [entry for entry in entries if entry["action"] == "read" and entry["facts"]["what"] == "accuracy"]
    assert len([entry for entry in reads if entry["actor"] == reads[0]["actor"]]) == 1
    assert {"uploaded", "erased", "key-made"} <= {entry["action"] for entry in entries}


def test_every_answer_has_the_headers_that_keep_browsers_from_harm(served: Served) -> None:
    answer = get(served)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["ratelimit-policy"].endswith(";w=60")
    assert answer.headers["quantyfy-version"] == "2026-11-22"
    assert "script" not in served.http.get("/docs").text


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Quantyfy-Version": "2020-01-01"}, 400, "unknown-version"),
        ({"X-Long": "x" * 20_000}, 431, "headers-too-large"),
    ],
)
def test_versions_and_headers_out_of_bounds_are_refused(
    http: TestClient, headers: dict[str, str], status: int, code: str
) -> None:
    answer = http.get("/health/live", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_request_id_is_taken_over_unless_it_carries_more(http: TestClient) -> None:
    assert http.get("/health/live", headers={"X-Request-Id": "loja-17"}).headers["x-request-id"] == "loja-17"
    for wrong in ("a b", "x" * 65, "a%0d%0aSet-Cookie: b"):
        assert http.get("/health/live", headers={"X-Request-Id": wrong}).headers["x-request-id"] != wrong
