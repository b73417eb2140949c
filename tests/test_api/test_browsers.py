"""What other sites' pages may do, what our answers let a browser do, and that both hold together with sessions."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from app.api.main import create_app
from app.core.config import Settings
from tests.test_api.shop_door import Shop
from tests.test_api.test_people import logged_in

ERP = "https://erp.example.com.br"
PREFLIGHT = {"Origin": ERP, "Access-Control-Request-Method": "POST"}


@pytest.fixture
def crossed(settings: Settings) -> Iterator[TestClient]:
    """The service with one other site let in."""
    named = settings.model_copy(update={"cors_origins": ERP})
    with TestClient(create_app(named), raise_server_exceptions=False) as client:
        yield client


def test_by_default_no_other_site_is_let_in(http: TestClient) -> None:
    for answer in (http.get("/health/live", headers={"Origin": ERP}), http.options("/keys", headers=PREFLIGHT)):
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert http.options("/keys", headers=PREFLIGHT).status_code == 405


def test_a_named_site_may_call_with_a_key_and_see_what_matters(crossed: TestClient, shop: Shop) -> None:
    asked = PREFLIGHT | {"Access-Control-Request-Headers": "authorization, content-type, idempotency-key"}
    preflight = crossed.options("/upload", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ERP
    answer = crossed.get("/companies", headers=shop.headers | {"Origin": ERP})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ERP
    assert "Origin" in answer.headers["vary"]
    seen = answer.headers["access-control-expose-headers"]
    assert all(name in seen for name in ("ETag", "Link", "Location", "RateLimit", "X-Request-Id", "Quantyfy-Run"))


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", f"{ERP}.evil.example", ERP.replace("https", "http")]
)
def test_a_site_that_was_not_named_is_not_let_in(crossed: TestClient, origin: str) -> None:
    preflight = crossed.options("/upload", headers=PREFLIGHT | {"Origin": origin})
    assert preflight.status_code == 400
    plain = crossed.get("/health/live", headers={"Origin": origin})
    assert "access-control-allow-origin" not in preflight.headers.keys() | plain.headers.keys()


def test_no_site_may_use_somebodys_session(crossed: TestClient, shop: Shop) -> None:
    """Cookies are not allowed, and the token without which a session changes nothing is a header they may not send."""
    http, csrf = logged_in(shop)
    crossed.cookies.update(http.cookies)
    asked = PREFLIGHT | {"Access-Control-Request-Headers": "content-type, x-csrf-token"}
    assert crossed.options("/keys", headers=asked).status_code == 400
    answer = crossed.get("/session", headers={"Origin": ERP})
    assert "access-control-allow-credentials" not in answer.headers
    refused = crossed.post("/keys", json={"name": "k"}, headers={"Origin": ERP})
    assert refused.json()["code"] == "missing-csrf-token"
    assert crossed.post("/keys", json={"name": "k"}, headers=csrf).status_code == 201, "our own page still may"


def test_policies_and_errors_are_the_same_for_other_sites(crossed: TestClient) -> None:
    """A problem is readable elsewhere too, and no answer is laxer for having crossed."""
    for answer in (crossed.get("/keys", headers={"Origin": ERP}), crossed.options("/keys", headers=PREFLIGHT)):
        assert answer.headers["access-control-allow-origin"] == ERP
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "origins", ["*", "erp.example.com.br", "https://erp.example.com.br/", "http://erp.example.com.br", "null"]
)
def test_only_exact_and_safe_origins_can_be_named(origins: str) -> None:
    with pytest.raises(ValidationError, match="no origins"):
        Settings(cors_origins=origins)
    assert Settings(cors_origins=f"{ERP} http://localhost:5173").cors_origins


def test_even_an_answer_that_nobody_foresaw_is_dressed(settings: Settings, tmp_path: Path) -> None:
    app = create_app(settings.model_copy(update={"cors_origins": ERP}))

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError(str(tmp_path))

    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/broken", headers={"Origin": ERP, "X-Request-Id": "loja-1"})
    assert (answer.status_code, answer.json()["code"]) == (500, "unexpected")
    assert str(tmp_path) not in answer.text
    assert answer.headers["x-request-id"] == "loja-1"
    assert answer.headers["access-control-allow-origin"] == ERP
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_what_belongs_to_somebody_is_kept_by_nobody_on_the_way(http: TestClient, shop: Shop) -> None:
    for path in ("/keys", "/users", "/audit", "/companies", "/uploads", "/session"):
        assert "no-store" in http.get(path, headers=shop.headers).headers["cache-control"], path


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("en", "en"),
        ("en-GB,en;q=0.9,pt;q=0.5", "en"),
        ("pt-BR;q=0.4, en;q=0.9", "en"),
        ("en;q=0.2, pt;q=0.8", "pt-BR"),
        ("fr, en;q=0", "pt-BR"),
        ("de-EN;q=nan, ;;;", "pt-BR"),
        ("*", "pt-BR"),
    ],
)
def test_words_are_in_the_language_the_reader_prefers(http: TestClient, wanted: str, language: str) -> None:
    assert http.get("/nothing", headers={"Accept-Language": wanted}).headers["content-language"] == language
