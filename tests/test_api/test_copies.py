"""Copies that several processes keep of a lake on S3: used by readers, gone everywhere when the company is erased."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from app import worker
from app.api.main import create_app
from app.core.clients import Clients
from app.core.config import Settings
from app.pipeline.companies import open_account
from app.pipeline.reading.objects import forget_frames
from tests.s3_server import S3Server
from tests.shop import CNPJ
from tests.test_api.shop_door import Shop
from tests.waiting import until

OTHER = "12ABC34501DE35"


@pytest.fixture
def machine(
    settings: Settings, s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Settings]:
    """The settings of one machine of many: the same bucket, copies of its own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_server.credentials.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_server.credentials.secret)
    lake = {"lake_url": f"s3://{s3_server.bucket}/{uuid4()}", "s3_endpoint": s3_server.endpoint}
    return lambda name: settings.model_copy(update={**lake, "copies_folder": tmp_path / name})


@contextmanager
def serving(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


def copies(settings: Settings, cnpj: str = CNPJ) -> list[str]:
    """Kinds of the objects of a company that a machine has, while others may be removing them."""
    walked = os.walk(settings.copies)
    return sorted(name.partition("_")[0] for folder, _, names in walked if cnpj in Path(folder).parts for name in names)


def read(http: TestClient, headers: dict[str, str], cnpj: str = CNPJ) -> list[int]:
    """Ask for everything, as a machine that has nothing in memory: here several share one."""
    forget_frames(http.app.state.clients.store, ["predictions", "processed"])  # type: ignore[attr-defined]
    paths = [f"/predictions/{cnpj}?view=daily", f"/products/{cnpj}", f"/sales/{cnpj}", f"/accuracy/{cnpj}"]
    return [http.get(path, headers=headers).status_code for path in paths]


def test_an_erased_company_is_gone_from_every_machine(
    machine: Callable[[str], Settings], clients: Clients, tmp_path: Path
) -> None:
    one, two, asleep, workers = (machine(name) for name in ("one", "two", "asleep", "workers"))
    headers = {"Authorization": f"Bearer {open_account(clients, name='Padaria', key_name='k')[1]}"}
    with serving(one) as http, serving(two) as neighbour:
        shop = Shop(http, workers, headers)
        shop.upload(tmp_path / "mine")
        shop.upload(tmp_path / "other", cnpj=OTHER)
        worker.run(workers, until_idle=True)
        with serving(asleep) as third:
            for client in (http, neighbour, third):
                assert read(client, headers) == read(client, headers, OTHER) == [200] * 4
        for settings in (one, two, asleep):
            assert {"accuracy", "features", "forecast", "produtos", "series", "totals"} <= set(copies(settings))
        assert "features" in copies(workers)
        assert http.delete(f"/companies/{CNPJ}", headers=headers).status_code == 202
        until(lambda: copies(one) == copies(two) == [])
        assert "forecast" in copies(asleep)
        worker.run(workers, until_idle=True)
        assert copies(workers) == []
        for settings in (one, two, asleep):
            assert "forecast" in copies(settings, OTHER), "another company's stay"
        assert read(http, headers) == [404] * 4
        with serving(asleep):  # which heard of nothing: it asks the lake
            until(lambda: copies(asleep) == [])
            assert "forecast" in copies(asleep, OTHER)


def test_copies_can_be_switched_off(machine: Callable[[str], Settings], clients: Clients, tmp_path: Path) -> None:
    off = machine("off").model_copy(update={"copies_mb": 0})
    headers = {"Authorization": f"Bearer {open_account(clients, name='Padaria', key_name='k')[1]}"}
    with serving(off) as http:
        Shop(http, off, headers).upload(tmp_path / "files")
        worker.run(off, until_idle=True)
        assert read(http, headers) == [200] * 4
    assert not off.copies.exists()


def test_another_account_with_the_same_company_never_reads_the_first_ones_copies(
    machine: Callable[[str], Settings], clients: Clients, tmp_path: Path
) -> None:
    settings = machine("shared")
    with serving(settings) as http:
        runs = []
        for at, name in enumerate(("Padaria", "Contador")):
            headers = {"Authorization": f"Bearer {open_account(clients, name=name, key_name='k')[1]}"}
            Shop(http, settings, headers).upload(tmp_path / name, bad_lines=at)
            worker.run(settings, until_idle=True)
            runs.append(http.get(f"/predictions/{CNPJ}?view=daily", headers=headers).json()["run_id"])
    folders = {path.parent.parent.parent for path in settings.copies.rglob("forecast_*")}
    assert len(set(runs)) == len(folders) == 2
