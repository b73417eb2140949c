"""Hostile words in every place that takes a text: SQL, headers, paths, control characters. None does anything."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text

from app.api.openapi import operations
from tests.conftest import sqlalchemy_url
from tests.shop import CNPJ, write_shop
from tests.test_api.served import Served
from tests.test_api.shop_door import Shop

DOCUMENT = json.loads((Path(__file__).parent.parent.parent / "openapi.json").read_text())
HARMLESS = "nada-disso"
SQL = (
    "' OR '1'='1",
    "'; DROP TABLE companies; --",
    '" OR 1=1 --',
    "x') UNION SELECT encode(key_hash, 'hex') FROM api_keys --",
    "'||(SELECT current_setting('app.account_id'))||'",
    "\\'; UPDATE api_keys SET scopes = '{admin}'; --",
)
CRLF = "x\r\nSet-Cookie: roubado=1"
STRANGE = ("../../../etc/passwd", "..\\..\\x", "a\x00b", "\x1b[31m", "\u202egpj.exe", "x" * 5000, "C:/x", "~root", "#")


class Place(NamedTuple):
    """Somewhere an operation takes a text."""

    method: str
    path: str
    where: str
    name: str

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.where} {self.name}"


def places() -> Iterator[Place]:
    """Every one there is, from the document: a new parameter is tried without being added here."""
    for method, path, operation in operations(DOCUMENT):
        for parameter in operation.get("parameters", []):
            if _is_text(parameter["schema"]):
                yield Place(method, path, parameter["in"], parameter["name"])
        for name in _fields(operation):
            yield Place(method, path, "body", name)


def _fields(operation: dict[str, Any]) -> Iterator[str]:
    for media in operation.get("requestBody", {}).get("content", {}).values():
        schema = _resolved(media["schema"])
        yield from (name for name, part in schema.get("properties", {}).items() if _is_text(part))


def _is_text(schema: dict[str, Any]) -> bool:
    return any(_resolved(each).get("type") == "string" for each in schema.get("anyOf", [schema]))


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return dict(DOCUMENT["components"]["schemas"][name]) if name else schema


PLACES = list(places())


@pytest.fixture(scope="module")
def door(served: Served) -> TestClient:
    """The same service, asked from an address of its own: wrong logins here must not slow others down."""
    return TestClient(served.http.app, raise_server_exceptions=False, client=("203.0.113.5", 5))


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_sql_in_any_text_is_a_text(served: Served, door: TestClient, place: Place) -> None:
    harmless = _ask(served, door, place, HARMLESS)
    for words in SQL:
        answer = _ask(served, door, place, words)
        assert answer.status_code < 500, answer.text
        if answer.is_success:
            assert answer.status_code == harmless.status_code
            assert _rows(answer) == _rows(harmless)


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "Accept", "If-None-Match", "X-CSRF-Token", "X-Request-Id"])
def test_sql_in_a_header_is_a_text(served: Served, door: TestClient, name: str) -> None:
    for words in SQL:
        said = {"Authorization": f"Bearer {words}", "Cookie": f"quantyfy_session={words}"}.get(name, words)
        headers = {"Authorization": served.headers["Authorization"], name: said}
        answer = door.get(f"/runs/{CNPJ}", headers=headers)
        assert answer.status_code in {200, 401}
        assert (answer.status_code == 401) == (name == "Authorization")


def test_after_all_that_the_database_is_as_it_was(served: Served, door: TestClient, owner_url: str) -> None:
    def state() -> list[Any]:
        engine = create_engine(sqlalchemy_url(owner_url))
        with engine.connect() as connection:
            mine = {"account": str(served.account)}
            kept = [
                connection.execute(text(f"SELECT count(*) FROM {table} WHERE account_id = :account"), mine).scalar_one()  # noqa: S608  names of ours
                for table in ("companies", "uploads", "runs", "published", "erasures", "users", "webhooks")
            ]
            tables = connection.execute(text("SELECT tablename FROM pg_tables ORDER BY 1")).scalars().all()
        engine.dispose()
        return [kept, tables]

    before = state()
    for place in PLACES:
        if place.method == "GET":
            for words in SQL:
                _ask(served, door, place, words)
    assert state() == before


@pytest.mark.parametrize("words", SQL)
def test_a_company_may_be_called_as_the_sql_it_is(shop: Shop, tmp_path: Path, words: str) -> None:
    files = {f.path.stem: (f.name, f.path.read_bytes()) for f in write_shop(tmp_path / "f", days=30)}
    sent = shop.http.post("/upload", headers=shop.headers, data={"cnpj": CNPJ, "company_name": words}, files=files)
    assert sent.status_code == 202, sent.text
    shown = shop.http.get("/companies", headers=shop.headers).json()["companies"]
    assert shown == [{"cnpj": CNPJ, "name": " ".join(words.split()), "state": None}]


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_no_text_begins_a_header_of_the_answer(served: Served, door: TestClient, place: Place) -> None:
    for words in (CRLF, "11444777000161\r\n", "x\nX-Injected: 1", "x\x85Set-Cookie: a=b"):
        _require_clean(_ask(served, door, place, words))


@pytest.mark.parametrize("name", ["X-Request-Id", "Idempotency-Key", "Origin", "Accept-Language", "Quantyfy-Version"])
def test_no_header_of_the_request_begins_one_of_the_answer(served: Served, door: TestClient, name: str) -> None:
    for path in (f"/predictions/{CNPJ}", "/nothing"):
        _require_clean(door.get(path, headers=served.headers | {name: CRLF}))
    _require_clean(door.post("/upload", headers=served.headers | {name: CRLF}, data={"cnpj": CNPJ}))


def test_the_address_of_the_next_page_is_ours_alone(served: Served, door: TestClient) -> None:
    answer = door.get(f"/predictions/{CNPJ}%0d%0a?limit=1&search=%0d%0aSet-Cookie:x", headers=served.headers)
    _require_clean(answer)
    answer = door.get(f"/predictions/{CNPJ}%20?limit=1", headers=served.headers)
    assert answer.headers["link"].startswith(f"</predictions/{CNPJ}%20?limit=1&cursor=")


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_no_strange_text_is_more_than_a_text(served: Served, door: TestClient, place: Place) -> None:
    for words in STRANGE:
        answer = _ask(served, door, place, words)
        assert answer.status_code < 500, answer.text
        assert "root:" not in answer.text


@pytest.mark.parametrize("place", [place for place in PLACES if place.where == "body"], ids=str)
def test_half_a_character_is_refused_in_words(served: Served, door: TestClient, place: Place) -> None:
    """JSON can say `\\ud800`, which no database and no hash can."""
    answer = _ask(served, door, place, "abc@d.ef\ud800 e uma frase")
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd.csv", "/etc/passwd.csv", "..\\..\\itens.csv", "a\x00b.csv", "\r\n.csv", "x/" * 99]
)
def test_a_member_of_a_zip_lands_nowhere_but_in_the_lake(shop: Shop, tmp_path: Path, name: str) -> None:
    files = [(file.path.stem, file.path.read_bytes()) for file in write_shop(tmp_path / "files", days=30)]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for stem, content in files:
            archive.writestr(f"{name}{stem}.csv" if name.endswith("/") else f"{stem}/{name}", content)
    there, form = _files(tmp_path), {"cnpj": CNPJ, "company_name": "../../fora"}
    zipped = {"files": ("../envio.zip", packed.getvalue())}
    sent = shop.http.post("/upload", headers=shop.headers, data=form, files=zipped)
    assert sent.status_code in {202, 422}, sent.text
    fresh = _files(tmp_path) - there
    landed = {re.sub(r"-\w+$", "", "/".join(path.relative_to(tmp_path).parts[:3])) for path in fresh}
    assert landed <= {"lake/raw/fora"}, "a slug that another account has too ends in something of its own"
    assert not Path("/etc/passwd.csv").exists()


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def _ask(served: Served, door: TestClient, place: Place, words: str) -> Any:  # noqa: ANN401
    operation = DOCUMENT["paths"][place.path][place.method.lower()]
    ids = {name: quote(value) for name, value in (served.ids | {"at": "0", "code": "busy", "link": "x"}).items()}
    if place.where == "path":
        ids[place.name] = quote(words, safe="")
    query = {place.name: words} if place.where == "query" else {}
    headers = served.headers | ({place.name: words.encode("utf-8", "replace")} if place.where == "header" else {})
    body: dict[str, Any] = {}
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        fields = content.get("example", {})
        fields = fields | {place.name: words} if place.where == "body" else fields
        if media == "application/json":
            body = {"content": json.dumps(fields), "headers": {"Content-Type": media}}
        elif media == "multipart/form-data":
            body = {"data": {name: said.encode("utf-8", "replace").decode() for name, said in fields.items()}}
    address = place.path.format_map(ids)
    return door.request(place.method, address, params=query, **body | {"headers": headers | body.get("headers", {})})


def _rows(answer: Any) -> Any:  # noqa: ANN401
    shown = answer.json() if answer.content and "json" in answer.headers["content-type"] else {}
    return shown.get("rows") if isinstance(shown, dict) else shown


def _require_clean(answer: Any) -> None:  # noqa: ANN401
    assert answer.status_code < 500, answer.text
    for name, value in answer.headers.raw:
        assert not set(b"\r\n") & set(value), name
        assert name != b"x-injected"
    assert "roubado" not in answer.headers.get("set-cookie", "")
