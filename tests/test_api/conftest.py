"""The service on real parts, asked over HTTP; the worker is run by hand when a test wants it."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from app import worker
from app.api.main import create_app
from app.core.clients import Clients
from app.core.config import Settings
from app.pipeline.companies import open_account
from tests.shop import CNPJ, write_shop


class Shop(NamedTuple):
    """A running service and one account's way into it."""

    http: TestClient
    settings: Settings
    headers: dict[str, str]

    def upload(self, folder: Path, *, cnpj: str = CNPJ, bad_lines: int = 0) -> str:
        """Send the three files of the small shop; returns the upload's address."""
        files = {f.path.stem: (f.name, f.path.read_bytes()) for f in write_shop(folder, bad_lines=bad_lines)}
        form = {"cnpj": cnpj, "company_name": "Padaria São João"}
        answer = self.http.post("/upload", headers=self.headers, data=form, files=files)
        assert answer.status_code == 202, answer.text
        return str(answer.headers["location"])

    def work(self) -> None:
        """Do all jobs that wait."""
        worker.run(self.settings, until_idle=True)


@pytest.fixture
def settings(application_url: str, tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path,
        database_url=SecretStr(application_url),
        lake_url=(tmp_path / "lake").as_uri(),
        upload_limit_mb=1,
    )


@pytest.fixture
def http(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def shop(http: TestClient, settings: Settings, clients: Clients) -> Shop:
    secret = open_account(clients, name="Padaria", key_name="teste")[1]
    return Shop(http, settings, {"Authorization": f"Bearer {secret}"})
