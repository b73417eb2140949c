"""The service on real parts, asked over HTTP; the worker is run by hand when a test wants it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app.api.main import create_app
from app.core.clients import Clients
from app.core.config import Settings
from app.core.database import Database
from app.core.queue import JobQueue
from app.core.s3 import store_at
from app.pipeline.access import WantedKey, make_account_key
from app.pipeline.companies import open_account
from tests.test_api.served import Served, serve
from tests.test_api.shop_door import Shop


@pytest.fixture
def settings(application_url: str, tmp_path: Path) -> Settings:
    return _settings(application_url, tmp_path)


@pytest.fixture
def http(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def shop(http: TestClient, settings: Settings, clients: Clients) -> Shop:
    secret = open_account(clients, name="Padaria", key_name="teste")[1]
    return Shop(http, settings, {"Authorization": f"Bearer {secret}"})


@pytest.fixture(scope="session")
def served(application_url: str, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A published forecast that tests read and do not change; one a session, since it takes a forecast to make."""
    folder = tmp_path_factory.mktemp("served")
    settings = _settings(application_url, folder)
    lake = store_at((folder / "lake").as_uri())
    clients = Clients(database=database, store=lake, queue=JobQueue(application_url), may_call_private=True)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield serve(client, settings, clients, folder)


@pytest.fixture
def stranger(clients: Clients) -> dict[str, str]:
    """The headers of another account that may do everything in its own house."""
    return {"Authorization": f"Bearer {open_account(clients, name='Outra', key_name='k')[1]}"}


@pytest.fixture
def key_of(served: Served, clients: Clients) -> Callable[[WantedKey], dict[str, str]]:
    """Makes another key of the served account; returns its headers."""

    def make(wanted: WantedKey) -> dict[str, str]:
        secret = make_account_key(clients, served.account, wanted, actor="test")[1]
        return {"Authorization": f"Bearer {secret}"}

    return make


def _settings(application_url: str, folder: Path) -> Settings:
    return Settings(
        home=folder,
        database_url=SecretStr(application_url),
        lake_url=(folder / "lake").as_uri(),
        upload_limit_mb=1,
        webhooks_to_private=True,
        requests_per_minute=1_000_000,
    )
