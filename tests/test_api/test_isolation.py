"""Every route, walked: what it asks for, and what a stranger learns from it. A route that is in no table fails."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

from app.api.main import create_app
from app.core.config import Settings
from app.core.database import AccountId, Database
from app.core.tables import Base
from app.domain.access import Scope
from app.domain.cnpj import Cnpj
from app.pipeline.access import WantedKey
from tests.conftest import sqlalchemy_url
from tests.shop import CNPJ
from tests.test_api.served import Served
from tests.waiting import until

# What names something of one account. A stranger is answered as if it were not there.
OF_ONE_ACCOUNT = {
    ("GET", "/predictions/{cnpj}"): Scope.READ,
    ("GET", "/products/{cnpj}"): Scope.READ,
    ("GET", "/sales/{cnpj}"): Scope.READ,
    ("GET", "/accuracy/{cnpj}"): Scope.READ,
    ("GET", "/runs/{cnpj}"): Scope.READ,
    ("GET", "/uploads/{upload_id}"): Scope.UPLOAD,
    ("POST", "/uploads/{upload_id}/cancel"): Scope.UPLOAD,
    ("GET", "/uploads/{upload_id}/findings"): Scope.UPLOAD,
    ("GET", "/uploads/{upload_id}/rejected"): Scope.UPLOAD,
    ("GET", "/uploads/{upload_id}/accepted"): Scope.UPLOAD,
    ("GET", "/uploads/{upload_id}/events"): Scope.UPLOAD,
    ("PUT", "/uploads/{upload_id}/files/{at}"): Scope.UPLOAD,
    ("POST", "/uploads/{upload_id}/complete"): Scope.UPLOAD,
    ("GET", "/companies/{cnpj}/export"): Scope.ADMIN,
    ("DELETE", "/companies/{cnpj}"): Scope.ADMIN,
    ("GET", "/erasures/{erasure_id}"): Scope.ADMIN,
    ("DELETE", "/keys/{key_id}"): Scope.ADMIN,
    ("DELETE", "/webhooks/{webhook_id}"): Scope.ADMIN,
    ("GET", "/webhooks/{webhook_id}/deliveries"): Scope.ADMIN,
}
# What answers the caller's own, and so nothing of anybody else.
OF_THE_CALLER = {
    ("POST", "/upload"): Scope.UPLOAD,
    ("GET", "/uploads"): Scope.UPLOAD,
    ("POST", "/uploads"): Scope.UPLOAD,
    ("GET", "/companies"): Scope.READ,
    ("GET", "/keys"): Scope.ADMIN,
    ("POST", "/keys"): Scope.ADMIN,
    ("GET", "/users"): Scope.ADMIN,
    ("POST", "/users"): Scope.ADMIN,
    ("GET", "/audit"): Scope.ADMIN,
    ("GET", "/webhooks"): Scope.ADMIN,
    ("POST", "/webhooks"): Scope.ADMIN,
}
OF_NOBODY = {
    ("POST", "/session"),
    ("GET", "/session"),
    ("DELETE", "/session"),
    ("POST", "/session/links/{link}"),
    ("GET", "/session/links/{link}"),
    ("POST", "/session/links/{link}/password"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/problems/{code}"),
    ("GET", "/docs"),
}
DIRECT = {"/uploads/{upload_id}/files/{at}", "/uploads/{upload_id}/complete"}


def test_every_route_stands_in_one_of_the_tables_above() -> None:
    walked = {
        (method, route.path)
        for route in iter_route_contexts(create_app(Settings()).routes)
        for method in route.methods or ()
        if route.path != "/openapi.json"
    }
    assert walked == OF_ONE_ACCOUNT.keys() | OF_THE_CALLER.keys() | OF_NOBODY


def test_the_document_says_the_scope_of_each_route() -> None:
    document = create_app(Settings()).openapi()["paths"]
    for (method, path), scope in (OF_ONE_ACCOUNT | OF_THE_CALLER).items():
        needs = document[path][method.lower()]["security"]
        assert {tuple(need["key"]) for need in needs if "key" in need} == {(scope.value,)}, path


@pytest.mark.parametrize(("method", "path"), OF_ONE_ACCOUNT, ids=" ".join)
def test_a_stranger_is_answered_as_if_it_were_not_there(
    served: Served, stranger: dict[str, str], method: str, path: str
) -> None:
    there = _ask(served, method, _path(served, path), stranger)
    nowhere = _ask(served, method, _path(served, path, unknown=True), stranger)
    assert there.status_code == nowhere.status_code == 404
    assert _telling(there) == _telling(nowhere)


@pytest.mark.parametrize(("method", "path"), OF_ONE_ACCOUNT, ids=" ".join)
def test_the_owner_finds_it(served: Served, method: str, path: str) -> None:
    if method in {"DELETE", "POST", "PUT"}:  # what would end it is tried on nothing
        answer = _ask(served, "OPTIONS", _path(served, path), served.headers)
        assert answer.status_code == 405
        return
    answer = _ask(served, method, _path(served, path), served.headers)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(("method", "path"), OF_THE_CALLER, ids=" ".join)
def test_what_a_caller_lists_has_nothing_of_another(
    served: Served, stranger: dict[str, str], method: str, path: str
) -> None:
    answer = _ask(served, method, path, stranger)
    assert answer.status_code in {200, 415, 422}
    for secret in (CNPJ, str(served.account), *served.ids.values()):
        assert secret not in answer.text


@pytest.mark.parametrize(("method", "path"), OF_ONE_ACCOUNT | OF_THE_CALLER, ids=" ".join)
def test_without_a_key_nothing_is_told(served: Served, method: str, path: str) -> None:
    answer = _ask(served, method, _path(served, path), {})
    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path"), OF_ONE_ACCOUNT | OF_THE_CALLER, ids=" ".join)
def test_a_key_without_the_scope_is_refused(
    served: Served, key_of: Callable[[WantedKey], dict[str, str]], method: str, path: str
) -> None:
    scope = (OF_ONE_ACCOUNT | OF_THE_CALLER)[method, path]
    other = Scope.UPLOAD if scope is not Scope.UPLOAD else Scope.READ
    answer = _ask(served, method, _path(served, path), key_of(WantedKey("k", scopes=[other])), form=True)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing-scope")


@pytest.mark.parametrize(("method", "path"), OF_ONE_ACCOUNT | OF_THE_CALLER, ids=" ".join)
def test_a_caller_is_held_to_its_rate(
    served: Served, key_of: Callable[[WantedKey], dict[str, str]], method: str, path: str
) -> None:
    once = key_of(WantedKey("lenta", scopes=[Scope.ADMIN], requests_per_minute=1))
    assert served.http.get("/companies", headers=once).status_code == 200
    answer = _ask(served, method, _path(served, path), once)
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-requests")
    assert answer.headers["ratelimit-policy"] == '"caller";q=1;w=60'
    assert answer.headers["ratelimit"].startswith('"caller";r=0;t=')
    assert 1 <= int(answer.headers["retry-after"]) <= 60


@pytest.mark.parametrize(("method", "path"), sorted(OF_NOBODY), ids=" ".join)
def test_what_asks_for_no_key_tells_nothing_of_an_account(served: Served, method: str, path: str) -> None:
    answer = _ask(served, method, path.replace("{code}", "unknown-company").replace("{link}", "none"), {})
    assert answer.status_code in {200, 401, 422}
    for secret in (CNPJ, str(served.account), *served.ids.values()):
        assert secret not in answer.text


@pytest.mark.parametrize(("method", "path"), OF_ONE_ACCOUNT, ids=" ".join)
def test_a_key_for_one_company_does_not_see_another(
    served: Served, key_of: Callable[[WantedKey], dict[str, str]], method: str, path: str
) -> None:
    limited = WantedKey("filial", scopes=[Scope.ADMIN], cnpjs=[Cnpj("00000000000191")])
    answer = _ask(served, method, _path(served, path), key_of(limited))
    assert answer.status_code == (403 if "{cnpj}" not in path and "{upload_id}" not in path else 404)


def test_a_key_for_one_company_lists_no_other_and_administers_nothing(
    served: Served, key_of: Callable[[WantedKey], dict[str, str]]
) -> None:
    limited = key_of(WantedKey("filial", scopes=[Scope.ADMIN], cnpjs=[Cnpj("00000000000191")]))
    assert served.http.get("/companies", headers=limited).json() == {"companies": []}
    assert served.http.get("/uploads", headers=limited).json()["uploads"] == []
    for path in ("/keys", "/users", "/audit", "/webhooks"):
        assert served.http.get(path, headers=limited).status_code == 403


@pytest.mark.parametrize(
    "shape", ["qk_", "qk_ü", "x" * 5000, "qk_' OR 1=1 --", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")]
)
def test_malformed_keys_are_nobodys(served: Served, shape: str) -> None:
    headers = {"Authorization": b"Bearer " + shape.encode("latin-1", "replace")}
    answer = served.http.get(f"/predictions/{CNPJ}", headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (401, "not-authenticated")


def test_no_answer_tells_a_key_that_was_from_one_that_never_was(
    served: Served, key_of: Callable[[WantedKey], dict[str, str]]
) -> None:
    """Expired, revoked, one character changed, only its prefix, none: the same status, words and headers."""
    past = key_of(WantedKey("velha", expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    made = served.http.post("/keys", headers=served.headers, json={"name": "curta"}).json()
    served.http.delete(f"/keys/{made['id']}", headers=served.headers)
    live = served.headers["Authorization"]
    told = [
        served.http.get(f"/predictions/{cnpj}", headers={"Authorization": key})
        for cnpj in (CNPJ, "00000000000191")
        for key in (
            *(past["Authorization"], f"Bearer {made['secret']}", live[:-1] + ("A" if live[-1] != "A" else "B")),
            *(live[: len("Bearer qk_") + 5], live + "x", live.upper(), "Bearer qk_" + "A" * 43, "Bearer", "Basic eDp5"),
        )
    ]
    told.append(served.http.get(f"/predictions/{CNPJ}"))
    assert {(answer.status_code, answer.text, answer.headers["www-authenticate"]) for answer in told} == {
        (401, told[0].text, "Bearer")
    }
    assert told[0].json()["code"] == "not-authenticated"
    assert len({tuple(sorted(answer.headers)) for answer in told}) == 1


def test_an_expired_key_is_nobodys_and_so_is_a_revoked_one(
    served: Served, key_of: Callable[[WantedKey], dict[str, str]]
) -> None:
    path = f"/predictions/{CNPJ}"
    past = key_of(WantedKey("velha", expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert served.http.get(path, headers=past).status_code == 401
    made = served.http.post("/keys", headers=served.headers, json={"name": "curta", "scopes": ["read"]}).json()
    mine = {"Authorization": f"Bearer {made['secret']}"}
    assert [served.http.get(path, headers=mine).status_code for _ in range(2)] == [200, 200]
    assert served.http.delete(f"/keys/{made['id']}", headers=served.headers).json()["revoked_at"] is not None
    # PostgreSQL announces a change at commit; another connection hears of it a moment later.
    until(lambda: served.http.get(path, headers=mine).status_code == 401)


def test_in_sql_too_every_table_shows_a_stranger_nothing(served: Served, database: Database) -> None:
    with database.session(AccountId(uuid4())) as session:
        for table in Base.metadata.sorted_tables:
            assert session.execute(table.select()).all() == [], table.name
    with database.session(served.account) as session:
        for name in ("companies", "uploads", "runs", "published", "audit_log", "api_keys", "webhooks", "erasures"):
            assert session.execute(Base.metadata.tables[name].select()).all(), name


@pytest.mark.usefixtures("served")
def test_a_stranger_can_neither_change_nor_remove_rows(database: Database) -> None:
    with database.session(AccountId(uuid4())) as session:
        for table in Base.metadata.sorted_tables:
            if table.name == "audit_log":
                continue
            assert session.execute(table.delete()).rowcount == 0, table.name  # type: ignore[attr-defined]


def test_the_audit_log_can_only_grow(served: Served, owner_url: str, database: Database) -> None:
    with database.session(served.account) as session:
        for change in ("UPDATE audit_log SET actor = 'nobody'", "TRUNCATE audit_log", "DROP TABLE audit_log"):
            with pytest.raises(ProgrammingError), session.begin_nested():
                session.execute(text(change))
        for policy in ("DROP POLICY to_append ON audit_log", "ALTER TABLE audit_log DISABLE ROW LEVEL SECURITY"):
            with pytest.raises(ProgrammingError), session.begin_nested():
                session.execute(text(policy))
        before = session.execute(text("SELECT count(*) FROM audit_log")).scalar_one()
        assert session.execute(text("DELETE FROM audit_log")).rowcount == 0  # type: ignore[attr-defined]
        assert session.execute(text("SELECT count(*) FROM audit_log")).scalar_one() == before > 0
    engine = create_engine(sqlalchemy_url(owner_url))
    with engine.connect() as connection:
        may = text("SELECT has_table_privilege('quantyfy_app', 'audit_log', 'UPDATE')")
        assert connection.execute(may).scalar_one() is False
    engine.dispose()


def _path(served: Served, path: str, *, unknown: bool = False) -> str:
    ids = served.ids | {"at": "0"}
    if path in DIRECT:
        ids["upload_id"] = ids["direct"]
    if unknown:
        ids |= {name: str(UUID(int=5)) for name in ids if name.endswith("_id")} | {"cnpj": "11444777000161"}
    return path.format_map(ids)


def _ask(served: Served, method: str, path: str, headers: dict[str, str], *, form: bool = False) -> Any:  # noqa: ANN401
    body: dict[str, Any] = {}
    if path == "/upload" and form:
        body = {"data": {"cnpj": CNPJ, "company_name": "x"}}
    elif method in {"POST", "PUT"}:
        body = {"content": b"{}", "headers": {"content-type": "application/json"}}
    return served.http.request(method, path, **body | {"headers": headers | body.get("headers", {})})


def _telling(answer: Any) -> tuple[object, ...]:  # noqa: ANN401
    """What an answer says, less the name that was asked for."""
    problem = answer.json()
    return answer.status_code, problem["code"], problem["title"], len(problem["detail"]), sorted(answer.headers)
