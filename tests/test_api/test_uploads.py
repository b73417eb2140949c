"""Uploads: repeated, tried dry, cancelled, followed, mended; and sent straight to the lake."""

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import polars as pl
import pytest
from sqlalchemy import delete, text

from app.core.clients import Clients
from app.core.tables import Base, IdempotencyKeyRow
from app.domain.errors import StillRunning
from app.pipeline.access import caller_of_key
from app.pipeline.idempotency import Reply, fingerprint, once
from app.pipeline.intake import receive
from tests.shop import (
    CNPJ,
    month_rows,
    raw_keys,
    sold_in,
    sold_in_months,
    write_months,
    write_shop,
    write_tabs,
    write_workbook,
)
from tests.test_api.served import Served
from tests.test_api.shop_door import Shop

FORM = {"cnpj": CNPJ, "company_name": "Padaria"}
BOUNDED = "multipart/form-data; boundary=x"
NAMED = b"Content-Disposition: form-data; name=%s\r\n\r\n"
FILED = b"Content-Disposition: form-data; name=%s; filename=a.csv\r\n\r\n"
WHOLE = b"".join(b"--x\r\n" + NAMED % name.encode() + said.encode() + b"\r\n" for name, said in FORM.items())
NONE = "missing-table"


def parts(folder: Path, *, bad_lines: int = 0) -> dict[str, tuple[str, bytes]]:
    return {f.path.stem: (f.name, f.path.read_bytes()) for f in write_shop(folder, bad_lines=bad_lines)}


def send(shop: Shop, files: dict[str, tuple[str, bytes]], *, key: str | None = None, **query: Any) -> Any:  # noqa: ANN401
    headers = shop.headers | ({"Idempotency-Key": key} if key else {})
    return shop.http.post("/upload", headers=headers, data=FORM, files=files, params=query)


def test_the_same_key_and_body_have_the_same_answer(shop: Shop, tmp_path: Path) -> None:
    files = parts(tmp_path / "a")
    first, again = (send(shop, files, key='"pedido-1"') for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert (first.content, first.headers["location"]) == (again.content, again.headers["location"])
    other = send(shop, parts(tmp_path / "b", bad_lines=1), key='"pedido-1"')
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


def test_while_the_first_is_running_the_second_waits(served: Served, clients: Clients) -> None:
    def slow() -> Reply:
        with pytest.raises(StillRunning):
            once(clients, served.account, "k1", slow, asked=fingerprint("a"), now=datetime.now(UTC))
        return Reply(200, {}, b"done")

    assert once(clients, served.account, "k1", slow, asked=fingerprint("a"), now=datetime.now(UTC)).body == b"done"
    with clients.database.session(served.account) as session:
        session.execute(delete(IdempotencyKeyRow))


def test_over_http_whoever_comes_meanwhile_is_told_so_and_later_has_the_same_answer(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, begun, go_on = parts(tmp_path / "a"), Event(), Event()

    def slowly(*positional: Any, **named: Any) -> Any:  # noqa: ANN401
        begun.set()
        assert go_on.wait(30)
        return receive(*positional, **named)

    monkeypatch.setattr("app.api.routes.upload.receive", slowly)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, shop, files, key="pedido-2")
        assert begun.wait(30)
        meanwhile = send(shop, files, key="pedido-2")
        go_on.set()
        answered = first.result()
    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "idempotency-key-in-use")
    again = send(shop, files, key="pedido-2")
    assert answered.status_code == again.status_code == 202
    assert answered.json() == again.json()


@pytest.mark.parametrize("changed", ["company_name", "state", "tab", "name", "field"])
def test_a_key_with_anything_else_changed_is_another_request(shop: Shop, tmp_path: Path, changed: str) -> None:
    files = parts(tmp_path / "a")
    assert send(shop, files, key="k").status_code == 202
    others = {"company_name": "Outra", "state": "SP", "tab": "Itens"}
    form = FORM | ({changed: others[changed]} if changed in others else {})
    if changed == "name":
        files["vendas"] = ("outro.csv", files["vendas"][1])
    if changed == "field":
        files = {"files": files["vendas_itens"]}
    headers = shop.headers | {"Idempotency-Key": "k"}
    other = shop.http.post("/upload", headers=headers, data=form, files=files)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


def test_of_a_workbook_one_tab_may_be_named_and_another_one_is_another_upload(shop: Shop, tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "ano.xlsx", tabs=["Setembro", "Outubro"])
    files = {"files": (path.name, path.read_bytes())}
    uploads = []
    for tab in ("Setembro", "Outubro", "Outubro"):
        sent = shop.http.post("/upload", headers=shop.headers, data=FORM | {"tab": tab}, files=files)
        uploads.append(sent.json()["id"])
        said = shop.http.get(sent.headers["location"], headers=shop.headers).json()["report"]["recognised"]
        assert [file["dialect"]["tab"] for file in said] == [tab]
    assert uploads[0] != uploads[1] == uploads[2]
    missing = shop.http.post("/upload", headers=shop.headers, data=FORM | {"tab": "Maio"}, files=files)
    assert (missing.status_code, missing.json()["code"]) == (422, "not-a-table")


def test_a_key_of_one_account_says_nothing_to_another(shop: Shop, stranger: dict[str, str], tmp_path: Path) -> None:
    files = parts(tmp_path / "a")
    mine = send(shop, files, key="k")
    theirs = send(Shop(shop.http, shop.settings, stranger), files, key="k")
    assert (mine.status_code, theirs.status_code) == (202, 202)
    assert mine.json()["id"] != theirs.json()["id"]


def test_what_was_refused_may_be_tried_again_with_its_key(shop: Shop, tmp_path: Path) -> None:
    assert send(shop, {"vendas_itens": ("x.csv", b"")}, key="k").status_code == 422
    assert send(shop, parts(tmp_path / "a"), key="k").status_code == 202


def test_a_dry_run_tells_what_it_would_find_and_stores_nothing(shop: Shop, tmp_path: Path) -> None:
    before = stored(shop)
    answer = send(shop, parts(tmp_path / "a", bad_lines=2), key="seco", dry_run=True)
    assert answer.status_code == 200
    assert stored(shop) == before, "no object, no row, no job"
    assert {sheet["file"] for sheet in answer.json()["recognised"]} == {
        "vendas.csv",
        "vendas_itens.csv",
        "produtos.csv",
    }
    items = next(table for table in answer.json()["report"]["tables"] if table["table"] == "vendas_itens")
    assert items["rows"]["rejected"] == 2
    assert shop.http.get("/companies", headers=shop.headers).json() == {"companies": []}
    assert not [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]


def several(field: str, paths: list[Path]) -> list[tuple[str, tuple[str, bytes]]]:
    return [(field, (path.name, path.read_bytes())) for path in paths]


@pytest.mark.parametrize("field", ["files", "vendas_itens"])
def test_a_file_a_month_in_one_upload_all_count(shop: Shop, tmp_path: Path, field: str) -> None:
    lake = shop.http.app.state.clients.store  # type: ignore[attr-defined]
    paths, months = write_months(tmp_path / "files", [1, 2, 3]), [1, 2, 3]
    ask: dict[str, Any] = {"headers": shop.headers, "data": FORM}
    dry = shop.http.post("/upload", params={"dry_run": True}, files=several(field, paths), **ask)
    assert [table["rows"]["accepted"] for table in dry.json()["report"]["tables"]] == [84]
    assert [file["file"] for file in dry.json()["recognised"]] == [path.name for path in paths]
    assert raw_keys(lake) == []
    sent = shop.http.post("/upload", files=several(field, paths), **ask)
    assert sent.status_code == 202, sent.text
    shop.work()
    upload = shop.http.get(sent.headers["location"], headers=shop.headers).json()
    assert upload["state"] == "published"
    assert upload["report"]["tables"] == dry.json()["report"]["tables"]
    assert sold_in(lake) == sold_in_months(months)
    assert raw_keys(lake) == [file["key"] for file in upload["files"]]
    [entry] = upload["report"]["tables"]
    assert [entry["file"], *(more["file"] for more in entry["more_files"])] == [path.name for path in paths]


def test_a_key_of_idempotency_holds_for_the_same_files_in_any_order(shop: Shop, tmp_path: Path) -> None:
    paths = write_months(tmp_path / "files", [1, 2, 3])
    ask: dict[str, Any] = {"headers": shop.headers | {"Idempotency-Key": "k"}, "data": FORM}
    first = shop.http.post("/upload", files=several("files", paths), **ask)
    again = shop.http.post("/upload", files=several("files", paths[::-1]), **ask)
    assert first.status_code == again.status_code == 202
    assert first.json() == again.json()


def test_a_tab_a_month_counts_and_a_hidden_one_does_not_unless_it_is_named(shop: Shop, tmp_path: Path) -> None:
    lake = shop.http.app.state.clients.store  # type: ignore[attr-defined]
    tabs = {"Jan": month_rows(1), "Fev": month_rows(2), "Rascunho": month_rows(9)}
    book = write_tabs(tmp_path / "ano.xlsx", tabs, hidden={"Rascunho": "hidden"})
    ask: dict[str, Any] = {"headers": shop.headers, "files": several("files", [book])}
    sent = shop.http.post("/upload", data=FORM, **ask)
    shop.work()
    assert sold_in(lake) == sold_in_months([1, 2])
    upload = shop.http.get(sent.headers["location"], headers=shop.headers).json()
    assert raw_keys(lake) == [file["key"] for file in upload["files"]]
    found = shop.http.get(f"{sent.headers['location']}/findings", headers=shop.headers).json()
    assert [(row["rule"], row["file"], row["value"]) for row in found] == [("hidden-tab", "ano.xlsx (Jan)", "Rascunho")]
    named = shop.http.post("/upload", data=FORM | {"tab": "Rascunho"}, params={"dry_run": True}, **ask).json()
    assert [file["dialect"]["tab"] for file in named["recognised"]] == ["Rascunho"]
    only = write_tabs(tmp_path / "so.xlsx", {"Capa": [["Loja"]], "Jan": month_rows(1)}, hidden={"Jan": "hidden"})
    refused = shop.http.post("/upload", data=FORM, headers=shop.headers, files=several("files", [only]))
    assert (refused.status_code, refused.json()["code"]) == (422, "not-a-table")
    assert "Jan" in refused.json()["detail"]


def stored(shop: Shop) -> dict[str, Any]:
    """All there is: what the lake lists, and every row of every table that the account owns, jobs too."""
    clients: Clients = shop.http.app.state.clients  # type: ignore[attr-defined]
    account = caller_of_key(clients, shop.headers["Authorization"].split()[1], now=datetime.now(UTC)).account
    rows: dict[str, Any] = {"lake": sorted(item.key for item in clients.store.list())}
    with clients.database.session(account) as session:
        for table in Base.metadata.sorted_tables:
            if table.name != "rate_buckets":  # asking is counted, whatever was asked
                rows[table.name] = session.execute(table.select()).all()
        rows["jobs"] = session.execute(text("SELECT count(*) FROM procrastinate_jobs")).scalar_one()
    return rows


def test_an_upload_may_say_its_company_s_state(shop: Shop, tmp_path: Path) -> None:
    files = parts(tmp_path / "a")
    wrong, right = (
        shop.http.post("/upload", headers=shop.headers, data=FORM | {"state": state}, files=files)
        for state in ("XX", "SP")
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid-request")
    assert right.status_code == 202
    assert [one["state"] for one in shop.http.get("/companies", headers=shop.headers).json()["companies"]] == ["SP"]
    announced = {"cnpj": CNPJ, "company_name": "Padaria", "state": "RJ", "files": [{"name": "vendas_itens.csv"}]}
    direct = shop.http.post("/uploads", headers=shop.headers, json=announced).json()
    shop.http.put(direct["files"][0]["url"], headers=shop.headers, content=files["vendas_itens"][1])
    assert shop.http.post(direct["complete"], headers=shop.headers).status_code < 300
    assert [one["state"] for one in shop.http.get("/companies", headers=shop.headers).json()["companies"]] == ["RJ"]


def test_a_cancelled_upload_publishes_nothing_and_may_be_sent_again(shop: Shop, tmp_path: Path) -> None:
    address = shop.upload(tmp_path / "files")
    assert shop.http.post(f"{address}/cancel", headers=shop.headers).json()["state"] == "cancelled"
    shop.work()
    assert shop.http.get(f"/predictions/{CNPJ}", headers=shop.headers).json()["code"] == "not-forecast-yet"
    assert shop.upload(tmp_path / "files") != address
    shop.work()
    assert shop.http.get(f"/predictions/{CNPJ}", headers=shop.headers).status_code == 200


def test_what_is_published_cannot_be_cancelled(served: Served) -> None:
    answer = served.http.post(f"/uploads/{served.ids['upload_id']}/cancel", headers=served.headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "too-late-to-cancel")


def test_events_end_with_the_upload(served: Served) -> None:
    with served.http.stream("GET", f"/uploads/{served.ids['upload_id']}/events", headers=served.headers) as stream:
        lines = [line for line in stream.iter_lines() if line]
    assert lines[0] == "event: upload"
    assert json.loads(lines[1].removeprefix("data: "))["state"] == "published"


def test_uploads_are_listed_by_state_and_page(served: Served) -> None:
    page = served.http.get("/uploads", headers=served.headers, params={"state": "published", "limit": 1}).json()
    assert [upload["id"] for upload in page["uploads"]] == [served.ids["upload_id"]]
    following = {"state": "published", "cursor": page["next_cursor"]}
    assert served.http.get("/uploads", headers=served.headers, params=following).json()["uploads"] == []


def test_rows_set_aside_can_be_mended_and_sent_alone(shop: Shop, tmp_path: Path) -> None:
    """As a shop owner would: download, mend the cell, send that file and no other. Its dates stand in `vendas`."""
    files = parts(tmp_path / "files", bad_lines=2)
    lonely = "1042;BOLO;muitos;30,00\r\n".encode("cp1252")  # all that was sold in its sale
    files["vendas_itens"] = ("vendas_itens.csv", files["vendas_itens"][1] + lonely)
    files["vendas"] = ("vendas.csv", files["vendas"][1] + "1042;05/03/2025;Concluída\r\n".encode("cp1252"))
    first = send(shop, files).headers["location"]
    shop.work()
    before = sold(shop)
    answer = shop.http.get(f"{first}/rejected", headers=shop.headers, params={"format": "csv"})
    rows = pl.read_csv(io.BytesIO(answer.content), infer_schema=False)
    assert rows.columns == [
        *("Número do pedido", "Código (SKU)", "Quantidade", "Valor unitário"),
        *("data_venda", "situacao", "linha", "motivo"),
    ]
    assert rows["data_venda"].to_list() == ["2025-01-01", "2025-01-01", "2025-03-05"]
    mended = rows.with_columns(Quantidade=pl.lit("5")).write_csv().encode()
    again = send(shop, {"vendas_itens": ("corrigidas.csv", mended)})
    assert again.status_code == 202, again.text
    shop.work()
    report = shop.http.get(again.headers["location"], headers=shop.headers).json()["report"]
    assert [table["rows"] for table in report["tables"]] == [{"in": 3, "accepted": 3, "rejected": 0, "skipped": 0}]
    assert sold(shop) == {
        "2025-01-01": before["2025-01-01"] + 10,
        "2025-03-05": before["2025-03-05"] + 5,
    }, "what was accepted at first still counts, and each mended row counts once"


def sold(shop: Shop) -> dict[str, float]:
    query = {"first_day": "2025-01-01", "last_day": "2025-03-05", "limit": "200"}
    rows = shop.http.get(f"/sales/{CNPJ}", headers=shop.headers, params=query).json()["rows"]
    return {row["date"]: row["quantity"] for row in rows if row["date"] in {"2025-01-01", "2025-03-05"}}


def test_findings_and_accepted_rows_can_be_downloaded(served: Served) -> None:
    base = f"/uploads/{served.ids['upload_id']}"
    found = served.http.get(f"{base}/findings", headers=served.headers).json()
    assert [row["severity"] for row in found].count("rejected") == 2
    assert all(row["title"] and row["mend"] for row in found)
    accepted = served.http.get(f"{base}/accepted", headers=served.headers, params={"format": "parquet"})
    assert pl.read_parquet(io.BytesIO(accepted.content)).height > 200


def test_files_go_straight_to_the_lake_and_become_an_upload(shop: Shop, tmp_path: Path) -> None:
    files = parts(tmp_path / "files")
    names = [{"name": name, "table": table} for table, (name, _) in files.items()]
    announced = shop.http.post("/uploads", headers=shop.headers, json=FORM | {"files": names}).json()
    complete = announced["complete"]
    early = shop.http.post(complete, headers=shop.headers)
    assert (early.status_code, early.json()["code"]) == (409, "file-not-arrived")
    for slot, (_, content) in zip(announced["files"], files.values(), strict=True):
        assert shop.http.put(slot["url"], headers=shop.headers, content=content).status_code == 204
    first, again = (shop.http.post(complete, headers=shop.headers) for _ in range(2))
    assert first.json() == again.json()
    shop.work()
    assert shop.http.get(first.json()["url"], headers=shop.headers).json()["state"] == "published"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\x00b.csv", "..\\x.csv", "=cmd.csv", "a\r\nSet-Cookie: x.csv", "x" * 400]
)
def test_a_file_may_be_called_anything_and_is_stored_nowhere_else(shop: Shop, tmp_path: Path, name: str) -> None:
    files = parts(tmp_path / "files")
    answer = send(shop, files | {"vendas_itens": (name, files["vendas_itens"][1])})
    assert answer.status_code == 202, answer.text
    stored = [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]
    assert len(stored) == 3
    assert all(path.suffix == ".csv" and "passwd" not in path.name for path in stored)


@pytest.mark.parametrize(
    ("content", "media", "status", "code"),
    [
        (b"{}", "application/json", 415, "unsupported-content"),
        (b"\xff\xfe", "text/csv", 415, "unsupported-content"),
        (b"a=b", "multipart/form-data", 422, "invalid-request"),
        (b"not multipart", "multipart/form-data; boundary=x", 422, "invalid-request"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--", BOUNDED, 422, "invalid-request"),
        (b"--x\r\n" + NAMED % b"cnpj" + b"11222333000181\r\n--x--", BOUNDED, 422, "invalid-request"),
        (b"--x\r\n" + NAMED % b"vendas" + b"a;b\r\n--x--", BOUNDED, 422, "invalid-request"),
        (b"--x\r\n" + NAMED % b"cnpj" + b"11222", BOUNDED, 422, "incomplete-request"),
        (WHOLE + b"--x\r\n" + FILED % b"vendas_itens" + b"a;b\r\n1;", BOUNDED, 422, "incomplete-request"),
        (WHOLE + b"--x\r\n" + FILED % b"vendas_itens" + b"a;b\r\n", BOUNDED, 422, "incomplete-request"),
        (WHOLE + b"--x\r\n" + FILED % b"arquivo" + b"a;b\r\n--x--", BOUNDED, 422, "invalid-request"),
        (
            WHOLE + b'--x\r\nContent-Disposition: form-data; name=vendas; filename=""\r\n\r\n\r\n--x--',
            BOUNDED,
            422,
            NONE,
        ),
        (b"--x\r\n" + NAMED % b"nota" + b"x" * 1_000_001 + b"\r\n--x--", BOUNDED, 422, "invalid-request"),
        ((b"--x\r\n" + NAMED % b"nota" + b"\r\n") * 41 + b"--x--", BOUNDED, 422, "invalid-request"),
    ],
)
def test_bodies_that_are_no_form_are_refused_in_words(
    shop: Shop, content: bytes, media: str, status: int, code: str
) -> None:
    answer = shop.http.post("/upload", headers=shop.headers | {"Content-Type": media}, content=content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_never_said_its_length_is_still_held_to_the_limit(shop: Shop) -> None:
    def endless() -> Any:  # noqa: ANN401
        yield b'--x\r\nContent-Disposition: form-data; name="vendas_itens"; filename="a.csv"\r\n\r\n'
        for _ in range(200):
            yield b"x" * 10_000

    headers = shop.headers | {"Content-Type": "multipart/form-data; boundary=x"}
    answer = shop.http.post("/upload", headers=headers, content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "upload-too-large")
