"""People: links, passwords, sessions, CSRF, and a thousand wrong guesses."""

import re
from datetime import UTC, datetime
from time import process_time
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from app.core.clients import Clients
from app.pipeline.access import caller_of_key
from app.pipeline.companies import open_account
from app.pipeline.people import make_link
from tests.test_api.shop_door import Shop

PASSWORD = "uma frase comprida"  # noqa: S105  known to everybody
EMAIL = "ana@padaria.com.br"


def invited(shop: Shop, *, scopes: list[str] | None = None, email: str = EMAIL) -> str:
    wanted = {"email": email, "name": "Ana", "scopes": scopes or ["admin"]}
    return str(shop.http.post("/users", headers=shop.headers, json=wanted).json()["link"])


def logged_in(shop: Shop) -> tuple[TestClient, dict[str, str]]:
    answer = shop.http.post(invited(shop), json={"password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return shop.http, {"X-CSRF-Token": answer.json()["csrf_token"]}


def test_a_link_sets_the_password_once_and_logs_in(shop: Shop) -> None:
    link = invited(shop)
    short = shop.http.post(link, json={"password": "curta"})
    assert (short.status_code, short.json()["code"]) == (422, "weak-password")
    answer = shop.http.post(link, json={"password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict"))
    again = shop.http.post(link, json={"password": PASSWORD})
    assert (again.status_code, again.json()["code"]) == (401, "used-link")
    assert shop.http.get("/session").json()["scopes"] == ["admin"]


def test_the_link_opens_a_page_whose_form_sets_the_password(shop: Shop) -> None:
    link = invited(shop)
    for _ in range(2):  # looking uses nothing up
        page = shop.http.get(link)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert "<script" not in page.text
    assert page.headers["cache-control"] == "no-store"
    action = re.findall(r'action="([^"]+)"', page.text)[0]
    assert re.findall(r"name=(\w+) ", page.text)[-2:] == ["password", "again"]
    other = shop.http.post(action, data={"password": PASSWORD, "again": PASSWORD + "!"})
    short = shop.http.post(action, data={"password": "curta", "again": "curta"})
    assert [(answer.status_code, "role=alert" in answer.text) for answer in (other, short)] == [(422, True)] * 2
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    both = {"password": PASSWORD, "again": PASSWORD}
    refused = shop.http.post(action, data=both, headers=elsewhere)
    assert (refused.status_code, "página de outro site" in refused.text) == (422, True)
    done = shop.http.post(action, data=both)
    assert (done.status_code, "Senha definida" in done.text) == (200, True)
    assert all(word in done.headers["set-cookie"] for word in ("HttpOnly", "SameSite=strict"))
    assert shop.http.get("/session").json()["scopes"] == ["admin"]
    again = shop.http.post(action, data=both)
    assert (again.status_code, "já foi usado" in again.text) == (401, True)
    shop.http.cookies.clear()
    assert shop.http.post("/session", json={"email": EMAIL, "password": PASSWORD}).status_code == 200


def test_a_link_that_is_markup_stays_a_text(http: TestClient) -> None:
    page = http.get("/session/links/%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert "<script" not in page.text


def test_the_cookie_is_secure_outside_this_machine(shop: Shop) -> None:
    answer = shop.http.post(f"https://quantyfy.example{invited(shop)}", json={"password": PASSWORD})
    assert "Secure" in answer.headers["set-cookie"]


def test_a_session_reads_but_changes_only_with_its_pages_token(shop: Shop) -> None:
    http, csrf = logged_in(shop)
    assert http.get("/keys").status_code == 200
    for headers in ({}, {"X-CSRF-Token": "0" * 64}):
        refused = http.post("/keys", json={"name": "k"}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "missing-csrf-token")
    assert http.post("/keys", json={"name": "k"}, headers=csrf).status_code == 201


def test_a_session_ends_when_it_is_closed(shop: Shop) -> None:
    http, csrf = logged_in(shop)
    cookie = http.cookies["quantyfy_session"]
    assert http.delete("/session", headers=csrf).status_code == 204
    http.cookies.set("quantyfy_session", cookie)
    assert http.get("/session").status_code == 401


def test_a_new_password_ends_every_session_there_was(shop: Shop) -> None:
    http, _ = logged_in(shop)
    cookie = http.cookies["quantyfy_session"]
    http.cookies.clear()
    from_cli = new_link(shop)
    assert http.post(f"/session/links/{from_cli}", json={"password": PASSWORD + "!"}).status_code == 200
    http.cookies.clear()
    http.cookies.set("quantyfy_session", cookie)
    assert http.get("/session").status_code == 401


def test_the_password_logs_in_and_another_does_not(shop: Shop) -> None:
    http, _ = logged_in(shop)
    http.cookies.clear()
    login = {"email": f" {EMAIL.upper()}", "password": PASSWORD}
    assert http.post("/session", json=login | {"email": EMAIL.upper()}).status_code == 200
    wrong = http.post("/session", json={"email": EMAIL, "password": "outra frase comprida"})
    nobody = http.post("/session", json={"email": "ninguem@padaria.com.br", "password": PASSWORD})
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.json() == nobody.json()


def test_a_thousand_wrong_logins_are_stopped_after_a_few_and_keep_nobody_out(shop: Shop) -> None:
    http, _ = logged_in(shop)
    http.cookies.clear()
    robber = at(shop, "203.0.113.66")
    guesses = [guess(robber, EMAIL, turn) for turn in range(1000)]
    assert [answer.status_code for answer in guesses[:5]] == [401] * 5
    assert {answer.status_code for answer in guesses} == {401, 429}
    assert [answer.status_code for answer in guesses].count(401) < 20
    stopped = guesses[-1]
    assert stopped.json()["code"] == "too-many-requests"
    assert int(stopped.headers["retry-after"]) >= 1
    right = {"email": EMAIL, "password": PASSWORD}
    assert robber.post("/session", json=right).status_code == 429, "not even the right one, from there"
    assert at(shop, "198.51.100.7").post("/session", json=right).status_code == 200
    link = f"/session/links/{new_link(shop)}"
    assert robber.post(link, json={"password": PASSWORD}).status_code == 200, "a link is no guess"


def test_guesses_at_nobody_are_answered_as_guesses_at_somebody(shop: Shop) -> None:
    http, _ = logged_in(shop)
    http.cookies.clear()
    told = []
    for email, address in ((EMAIL, "203.0.113.1"), ("ninguem@padaria.com.br", "203.0.113.2")):
        answers = [guess(at(shop, address), email, turn) for turn in range(5)]
        told.append([(answer.status_code, answer.json(), sorted(answer.headers)) for answer in answers])
    assert told[0] == told[1]


@pytest.mark.parametrize("accounts", [1, 2, 3])
def test_nobody_takes_as_long_as_somebody_of_some_accounts(shop: Shop, clients: Clients, accounts: int) -> None:
    somebody = f"{uuid4()}@padaria.com.br"  # of no other account, whatever other tests have made
    for _ in range(accounts):
        secret = open_account(clients, name="Escritório", key_name="k")[1]
        link = invited(Shop(shop.http, shop.settings, {"Authorization": f"Bearer {secret}"}), email=somebody)
        assert shop.http.post(link, json={"password": PASSWORD}).status_code == 200
        shop.http.cookies.clear()

    def quickest(email: str, address: str) -> float:
        times = []  # of our own work: other programs on the machine do not count
        for turn in range(3):
            start = process_time()
            assert guess(at(shop, address), email, turn).status_code == 401
            times.append(process_time() - start)
        return min(times)

    ratio = quickest(f"{uuid4()}@padaria.com.br", f"203.0.113.{accounts}") / quickest(
        somebody, f"198.51.100.{accounts}"
    )
    assert 0.7 < ratio < 1.43, "one hash more or less would be a third"


def test_many_addresses_together_are_stopped_too(shop: Shop) -> None:
    told = [guess(at(shop, f"203.0.113.{turn}"), "alvo@padaria.com.br", turn).status_code for turn in range(104)]
    assert told[:100] == [401] * 100
    assert 429 in told[100:]


def test_the_limit_of_a_key_is_told_and_kept(shop: Shop) -> None:
    wanted = {"name": "lenta", "scopes": ["read"], "requests_per_minute": 3}
    secret = shop.http.post("/keys", headers=shop.headers, json=wanted).json()["secret"]
    mine = {"Authorization": f"Bearer {secret}"}
    answers = [shop.http.get("/companies", headers=mine) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit"].partition(";t=")[0] for answer in answers[:3]] == [
        '"caller";r=2',
        '"caller";r=1',
        '"caller";r=0',
    ]
    assert answers[3].headers["ratelimit-policy"] == '"caller";q=3;w=60'
    assert int(answers[3].headers["retry-after"]) <= 20


def at(shop: Shop, address: str) -> TestClient:
    """The same service, asked from another address."""
    return TestClient(shop.http.app, raise_server_exceptions=False, client=(address, 5))


def guess(door: TestClient, email: str, turn: int) -> Any:  # noqa: ANN401
    return door.post("/session", json={"email": email, "password": f"senha {turn}"})


def new_link(shop: Shop) -> str:
    clients = shop.http.app.state.clients  # type: ignore[attr-defined]
    now = datetime.now(UTC)
    account = caller_of_key(clients, shop.headers["Authorization"].split()[1], now=now).account
    return make_link(clients, account, email=EMAIL, now=now)
