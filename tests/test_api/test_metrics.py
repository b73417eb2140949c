"""What whoever runs the service watches: really scraped from API and worker, while an upload goes through both."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from app.utils import metrics
from tests.s3_server import free_ports
from tests.shop import CNPJ
from tests.test_api.shop_door import Shop
from tests.waiting import until

DASHBOARD = Path(__file__).parent.parent.parent / "docs/operation/grafana-dashboard.json"
BAD_LINES = 3


class Scraped(NamedTuple):
    """An upload, what API and worker said of themselves before and after, and the worker's log."""

    upload: dict[str, Any]
    accuracy: list[dict[str, Any]]
    waiting: list[Sample]
    api: list[Sample]
    worker: list[Sample]
    log: list[dict[str, Any]]
    secrets: tuple[str, ...]


@pytest.fixture
def scraped(shop: Shop, tmp_path: Path) -> Scraped:
    address = shop.upload(tmp_path / "files", bad_lines=BAD_LINES)
    waiting = samples(shop.http.get("/metrics").text)
    port = free_ports(1)[0]
    with working(shop, port, tmp_path / "worker.log"):
        until(lambda: state(shop, address)["state"] == "published", patience_s=90)
        until(lambda: value(of_worker(port), "quantyfy_uploads_total", state="published") == 1, patience_s=90)
        worker = of_worker(port)
    upload = state(shop, address)
    accuracy = shop.http.get(f"/accuracy/{CNPJ}", headers=shop.headers).json()["rows"]
    shop.http.get(f"/predictions/{CNPJ}?search=PAO", headers=shop.headers)
    api = samples(shop.http.get("/metrics").text)
    log = [json.loads(line) for line in (tmp_path / "worker.log").read_text().splitlines() if line.startswith("{")]
    slug = next(path.name for path in (tmp_path / "lake/predictions").iterdir())
    secrets = (CNPJ, slug, "Padaria", "São João", "PAO", "Pão", "BOLO", upload["id"], shop.headers["Authorization"][7:])
    return Scraped(upload, accuracy, waiting, api, worker, log, secrets)


def working(shop: Shop, port: int, log: Path) -> "Worker":
    settings = shop.settings
    assert settings.database_url is not None
    environment = os.environ | {
        "QUANTYFY_DATABASE_URL": settings.database_url.get_secret_value(),
        "QUANTYFY_LAKE_URL": settings.lake,
        "QUANTYFY_WORKER_METRICS_PORT": str(port),
    }
    command = [sys.executable, "-m", "app.cli.main", "worker", "--with-parent"]
    return Worker(command, environment, log)


class Worker:
    """The worker as it is run, until the block ends."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        self._file = log.open("wb")
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=self._file, stderr=self._file
        )

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(60)
        self._file.close()


def state(shop: Shop, address: str) -> dict[str, Any]:
    found: dict[str, Any] = shop.http.get(address, headers=shop.headers).json()
    assert found["error"] is None
    return found


def of_worker(port: int) -> list[Sample]:
    try:
        return samples(httpx2.get(f"http://127.0.0.1:{port}/metrics").text)
    except httpx2.TransportError:  # it is not there yet
        return []


def samples(text: str) -> list[Sample]:
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def value(found: list[Sample], name: str, **labels: str) -> float | None:
    return next((one.value for one in found if one.name == name and labels.items() <= one.labels.items()), None)


def test_queue_stages_rows_series_and_accuracy_are_what_they_were(scraped: Scraped) -> None:
    assert value(scraped.waiting, "quantyfy_queue_jobs", job="prepare", state="todo") == 1
    assert value(scraped.api, "quantyfy_queue_jobs") is None, "what is done has left the queue"
    for stage, seconds in scraped.upload["timings"].items():
        assert value(scraped.worker, "quantyfy_stage_seconds_count", stage=stage) == 1
        assert value(scraped.worker, "quantyfy_stage_seconds_sum", stage=stage) == pytest.approx(seconds, abs=0.001)
    assert {"clean", "merge", "load", "train", "predict", "write"} <= scraped.upload["timings"].keys()
    tables = scraped.upload["report"]["tables"]
    for outcome in ("accepted", "rejected", "skipped"):
        told = value(scraped.worker, "quantyfy_rows_total", outcome=outcome)
        assert told == sum(table["rows"][outcome] for table in tables)
    assert value(scraped.worker, "quantyfy_rows_total", outcome="rejected") == BAD_LINES
    assert value(scraped.worker, "quantyfy_series_total", level="product") == 2
    assert value(scraped.worker, "quantyfy_series_total", level="company") == 1
    for row in scraped.accuracy:
        at = {"level": row["level"], "horizon_days": str(row["horizon_days"])}
        if row["wape"] is not None:
            assert value(scraped.worker, "quantyfy_last_run_wape", model=row["model"], **at) == row["wape"]
        if row["model"] == "quantyfy" and row["coverage"] is not None:
            assert value(scraped.worker, "quantyfy_last_run_coverage", **at) == row["coverage"]
    asked = {"method": "GET", "route": "/predictions/{cnpj}", "status": "200"}
    assert value(scraped.api, "quantyfy_http_request_seconds_count", **asked) is not None


def test_no_label_names_an_account_a_company_or_a_product(scraped: Scraped) -> None:
    told = {text for one in (*scraped.waiting, *scraped.api, *scraped.worker) for text in one.labels.values()}
    assert not [text for text in told if any(secret in text for secret in scraped.secrets)]


def test_the_dashboard_asks_for_what_there_is_and_shows_all_of_it(scraped: Scraped) -> None:
    ours = [metric for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)]
    there = {next(iter(metric.describe())).name: metric for metric in ours}
    for query in queries():
        for name in re.findall(r"\bquantyfy_\w+", query):
            metric = there[family(name)]
            assert asked_of(query) - {"le"} <= set(metric._labelnames), query
    assert {family(name) for query in queries() for name in re.findall(r"\bquantyfy_\w+", query)} == there.keys()
    told = {family(one.name) for one in (*scraped.waiting, *scraped.api, *scraped.worker)}
    assert there.keys() - told <= {"quantyfy_copies"}, "this lake is on this machine and needs none"


def family(name: str) -> str:
    return re.sub(r"_(bucket|count|sum|total|created)$", "", name)


def queries() -> list[str]:
    return [
        target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel.get("targets", [])
    ]


def asked_of(query: str) -> set[str]:
    """Labels that a query groups or filters by."""
    grouped = {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", query) for label in group.split(",")}
    return grouped | set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)\s*\"", query))


def test_the_workers_log_names_upload_and_run_and_nothing_of_the_shop(scraped: Scraped) -> None:
    done = [line for line in scraped.log if line["event"] == "forecast published"]
    assert [line["upload_id"] for line in done] == [scraped.upload["id"]]
    assert done[0]["run_id"]
    assert {line["level"] for line in scraped.log} == {"info"}
    assert not [line for line in scraped.log if any(word in str(line) for word in (*scraped.secrets[:7], "0,75"))]
