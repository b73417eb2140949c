"""`quantyfy account|key|user|company`: what the operator does on the machine holds at the doors."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from typer.testing import CliRunner, Result

from app.api.main import create_app
from app.cli.main import app
from app.core.config import Settings
from app.core.queue import JobQueue
from app.domain.errors import AppError
from tests.shop import CNPJ
from tests.test_api.shop_door import Shop

EMAIL = "bia@padaria.com.br"
PASSWORD = "uma frase comprida"  # noqa: S105  known to everybody
ELSEWHERE = "00000000000191"

Run = Callable[..., Result]


@pytest.fixture
def settings(application_url: str, tmp_path: Path) -> Settings:
    lake = (tmp_path / "lake").as_uri()
    return Settings(home=tmp_path, database_url=SecretStr(application_url), lake_url=lake)


@pytest.fixture
def run(settings: Settings) -> Run:
    """A command as whoever runs the service types it, on the service's database and lake."""
    environment = {
        "QUANTYFY_HOME": str(settings.home),
        "QUANTYFY_DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else "",
        "QUANTYFY_LAKE_URL": settings.lake_url or "",
        "COLUMNS": "400",
    }

    def command(*words: str) -> Result:
        return CliRunner().invoke(app, words, env=environment)

    return command


@pytest.fixture
def shop(settings: Settings, queue: JobQueue, run: Run) -> Iterator[tuple[Shop, str]]:
    """An account made by command, and its id; nobody else's jobs wait."""
    del queue
    made = run("account", "new", "Escritório")
    assert made.exit_code == 0, made.output
    account, secret = made.stdout.split()
    with TestClient(create_app(settings), raise_server_exceptions=False) as http:
        yield Shop(http, settings, {"Authorization": f"Bearer {secret}"}), account


def ask(shop: Shop, path: str, secret: str) -> int:
    return shop.http.get(path, headers={"Authorization": f"Bearer {secret}"}).status_code


def test_a_key_is_made_shown_once_listed_and_revoked(shop: tuple[Shop, str], run: Run) -> None:
    door, account = shop
    mine = ("--account", account)
    said = run("key", "new", "ERP", "--scope", "read", "--days", "30", "--per-minute", "7", *mine)
    secret = said.stdout.strip()
    assert re.fullmatch(r"qk_[\w-]{43}", secret), said.output
    assert ask(door, "/companies", secret) == 200
    assert ask(door, "/keys", secret) == ask(door, "/uploads", secret) == 403, "only what was asked for"
    listed = run("key", "list", *mine).stdout
    assert "ERP" in listed
    assert secret not in listed
    shown = next(k for k in door.http.get("/keys", headers=door.headers).json()["keys"] if k["name"] == "ERP")
    assert (shown["requests_per_minute"], shown["scopes"]) == (7, ["read"])
    assert shown["expires_at"] is not None
    assert "revogada" in run("key", "revoke", shown["id"], *mine).stdout
    assert ask(door, "/companies", secret) == 401


def test_a_key_for_one_company_sees_that_one(shop: tuple[Shop, str], run: Run, tmp_path: Path) -> None:
    door, account = shop
    door.upload(tmp_path / "files")
    mine = ("--account", account)
    here, there = (
        run("key", "new", "filial", "--cnpj", cnpj, "--scope", "read", *mine).stdout.strip()
        for cnpj in (CNPJ, ELSEWHERE)
    )
    assert ask(door, f"/runs/{CNPJ}", here) == 200
    assert ask(door, f"/runs/{CNPJ}", there) == 404
    refused = run("key", "new", "x", "--cnpj", "11222333000182", *mine)
    assert isinstance(refused.exception, AppError)
    assert refused.exception.code == "invalid-cnpj"


def test_a_person_sets_a_password_by_the_link_that_is_printed(shop: tuple[Shop, str], run: Run) -> None:
    door, account = shop
    mine = ("--account", account)
    first = run("user", "new", EMAIL, "Bia", "--scope", "read", *mine).stdout.strip()
    assert "/session/links/" in first
    assert door.http.post(path_of(first), json={"password": PASSWORD}).status_code == 200
    assert door.http.get("/session").json()["scopes"] == ["read"]
    second = run("user", "link", EMAIL, *mine).stdout.strip()
    assert door.http.post(path_of(second), json={"password": PASSWORD + "!"}).status_code == 200
    assert door.http.post(path_of(second), json={"password": PASSWORD}).status_code == 401
    assert EMAIL in run("user", "list", *mine).stdout
    for words, code in ((("new", EMAIL, "Bia"), "already-there"), (("link", "ninguem@x.com"), "unknown-user")):
        refused = run("user", *words, *mine)
        assert isinstance(refused.exception, AppError)
        assert refused.exception.code == code


def test_a_company_is_listed_and_erased(shop: tuple[Shop, str], run: Run, tmp_path: Path) -> None:
    door, account = shop
    address = door.upload(tmp_path / "files")
    mine = ("--account", account)
    assert "Padaria São João" in run("company", "list", *mine).stdout
    said = run("company", "erase", CNPJ, *mine).stdout
    assert said.startswith("Recibo ")
    assert run("company", "erase", CNPJ, *mine).stdout == said, "asked again, the same receipt"
    door.work()
    assert door.http.get(address, headers=door.headers).status_code == 404
    receipt = door.http.get(f"/erasures/{said.split()[1].rstrip(':')}", headers=door.headers).json()
    assert receipt["finished_at"] is not None
    assert not [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]


@pytest.mark.usefixtures("shop")
def test_an_account_that_is_not_there_is_not_guessed(run: Run) -> None:
    for words in (("key", "list"), ("user", "list"), ("company", "list"), ("key", "new", "x")):
        refused = run(*words, "--account", "00000000-0000-0000-0000-000000000000")
        assert refused.exit_code == 2
        assert "--account" in refused.output


def path_of(link: str) -> str:
    return "/session/links/" + link.rpartition("/")[2]
