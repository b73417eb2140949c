"""Reads of the service beside a bare FastAPI route that answers the same bytes, on one machine, in one run.

A shop of 300 products is uploaded and forecast by the real worker; then each side is asked in turn, round by round.
The same for 200 accounts of 5 companies in one database beside one account, for the first read after a restart, and
for the memory a 500 MB upload takes.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from resident import resident_kb
from sqlalchemy import text

from app import bootstrap
from app.core.clients import Clients
from app.core.config import Settings
from app.core.database import AccountId
from app.core.tables import AccountRow, CompanyRow, PublishedRow, RunRow
from app.domain.access import Scope
from app.pipeline.access import WantedKey, make_account_key
from app.pipeline.companies import open_account

CNPJ = "11222333000181"
PRODUCTS = 300
DAYS = 200
ROUNDS = 5
SECONDS = 2.0
CONNECTIONS = (1, 16, 64)
HERE = Path(__file__).parent
PLENTY = 10_000_000  # requests a minute: the limiter counts, and never refuses


def main() -> None:
    """Everything, one after the other."""
    figures: list[dict[str, Any]] = []
    with (
        tempfile.TemporaryDirectory(prefix="quantyfy-bench-api-", ignore_cleanup_errors=True) as name,
        ExitStack() as stack,
    ):
        folder = Path(name)
        settings = Settings(home=folder / "home", requests_per_minute=PLENTY)
        clients = stack.enter_context(bootstrap.opened(settings))
        headers = _key(clients)
        port = _free_port()
        with _serving(settings, port) as process:
            _forecast(port, headers, folder)
            _compare(port, headers, folder, figures)
            if "--no-upload" not in sys.argv:
                _memory(port, headers, folder, process, figures)
        with _serving(settings, port):
            _cold(port, headers, figures)
            _crowd(clients, port, headers, figures)
    _print(figures)


def _key(clients: Clients) -> dict[str, str]:
    account, _ = open_account(clients, name="bench", key_name="bench")
    wanted = WantedKey("bench", scopes=[Scope.ADMIN], requests_per_minute=PLENTY)
    return {"Authorization": f"Bearer {make_account_key(clients, account, wanted, actor='bench')[1]}"}


@contextmanager
def _serving(settings: Settings, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    environment = os.environ | {
        "QUANTYFY_HOME": str(settings.home),
        "QUANTYFY_LOG_LEVEL": "info",
        "QUANTYFY_REQUESTS_PER_MINUTE": str(PLENTY),
    }
    command = [sys.executable, "-m", "app.cli.main", "serve", "--port", str(port)]
    with (
        (settings.home / "serve.log").open("ab") as log,
        subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=HERE.parent) as process,
    ):
        try:
            _wait(port, "/health/ready")
            yield process
        finally:
            process.terminate()


def _wait(port: int, path: str) -> None:
    for _ in range(600):
        try:
            if httpx2.get(f"http://127.0.0.1:{port}{path}").status_code < 500:
                return
        except httpx2.HTTPError:
            pass
        time.sleep(0.1)
    raise TimeoutError(path)


def _forecast(port: int, headers: dict[str, str], folder: Path) -> None:
    first = date(2025, 1, 1)
    rows = ["Número do pedido;Data da venda;Código (SKU);Quantidade;Valor unitário"]
    for day in range(DAYS):
        when = f"{first + timedelta(days=day):%d/%m/%Y}"
        rows += [
            f"{day}-{sku};{when};P{sku:04};{1 + (day + sku) % 7};{1 + sku / 10:.2f}".replace(".", ",")
            for sku in range(PRODUCTS)
        ]
    file = folder / "itens.csv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    base = f"http://127.0.0.1:{port}"
    with file.open("rb") as stream:
        form = {"cnpj": CNPJ, "company_name": "Loja do banco de provas"}
        sent = httpx2.post(f"{base}/upload", headers=headers, data=form, files={"vendas_itens": stream}, timeout=600)
    address = sent.raise_for_status().json()["url"]
    while (state := httpx2.get(base + address, headers=headers).json())["state"] != "published":
        assert state["error"] is None, state
        time.sleep(0.5)


def _questions() -> dict[str, str]:
    return {
        "daily_one_product": f"/predictions/{CNPJ}?view=daily&level=product&id=P0007",
        "totals_100_products": f"/predictions/{CNPJ}?level=product&horizon_days=30&limit=100",
    }


def _compare(port: int, headers: dict[str, str], folder: Path, figures: list[dict[str, Any]]) -> None:
    bodies = folder / "bodies"
    bodies.mkdir()
    tags = {}
    for name, path in _questions().items():
        answer = httpx2.get(f"http://127.0.0.1:{port}{path}", headers=headers).raise_for_status()
        (bodies / name).write_bytes(answer.content)
        tags[name] = answer.headers["etag"]
    bare_port = _free_port()
    command = [sys.executable, str(HERE / "api_bare.py"), str(bare_port), str(bodies)]
    with subprocess.Popen(command) as bare:
        try:
            _wait(bare_port, f"/{next(iter(_questions()))}")
            for name, path in _questions().items():
                for connections in CONNECTIONS:
                    _sides(name, connections, (bare_port, f"/{name}", {}), (port, path, headers), figures)
                known = headers | {"If-None-Match": tags[name]}
                _sides(f"{name} unchanged", 16, (bare_port, f"/{name}", {}), (port, path, known), figures, goal=0.8)
        finally:
            bare.terminate()


Side = tuple[int, str, dict[str, str]]


def _sides(
    name: str, connections: int, bare: Side, ours: Side, figures: list[dict[str, Any]], *, goal: float = 0.5
) -> None:
    """Round by round, one side then the other; the median round counts."""
    rounds = [(_load(bare, connections), _load(ours, connections)) for _ in range(ROUNDS)]
    rate = [statistics.median(pair[side]["rate"] for pair in rounds) for side in (0, 1)]
    p99 = [statistics.median(pair[side]["p99"] for pair in rounds) for side in (0, 1)]
    label = f"{name}, {connections} connections"
    figures.append(_figure(f"{label}: requests/s", rate[1], rate[0], goal, holds=rate[1] >= goal * rate[0]))
    figures.append(_figure(f"{label}: p99 ms", p99[1] * 1000, p99[0] * 1000, 3, holds=p99[1] <= 3 * p99[0]))


def _load(side: Side, connections: int) -> dict[str, Any]:
    port, path, headers = side
    asked = {"port": str(port), "path": path, "headers": json.dumps(headers)}
    wanted = json.dumps(asked | {"connections": str(connections), "seconds": str(SECONDS)})
    said = subprocess.run([sys.executable, str(HERE / "api_client.py"), wanted], capture_output=True, check=True)
    outcome: dict[str, Any] = json.loads(said.stdout)
    assert outcome["statuses"] in (["200"], ["304"]), outcome
    return outcome


def _memory(
    port: int, headers: dict[str, str], folder: Path, process: "subprocess.Popen[bytes]", figures: list[dict[str, Any]]
) -> None:
    """The service's own growth while it takes 499 MB in (the limit is 500).

    Files mapped to be sent count as resident though their pages are the disk cache's: beside the whole stands what is
    the process's alone (RssAnon), looked at twenty times a second.
    """
    file = folder / "large.csv"
    line = b"1;01/02/2025;P0001;2;3,50\n"
    with file.open("wb") as stream:
        stream.write("Número do pedido;Data da venda;Código (SKU);Quantidade;Valor unitário\n".encode())
        for _ in range(499):
            stream.write(line * (1_000_000 // len(line)))
    before = resident_kb("VmRSS", pid=process.pid)
    Path(f"/proc/{process.pid}/clear_refs").write_text("5")  # the high-water mark starts again here
    alone = resident_kb("RssAnon", pid=process.pid)
    with file.open("rb") as stream, _watched(process.pid) as seen:
        form = {"cnpj": "11444777000161", "company_name": "Grande"}
        address = f"http://127.0.0.1:{port}/upload"
        sent = httpx2.post(address, headers=headers, data=form, files={"vendas_itens": stream}, timeout=900)
    assert sent.status_code == 202, sent.text
    grown = (resident_kb("VmHWM", pid=process.pid) - before) / 1000
    own = (max(seen) - alone) / 1000
    figures.append(_figure("upload of 499 MB: own memory grows by MB", own, 0, 64, holds=own < 64))
    figures.append(_figure("upload of 499 MB: with mapped files, MB", grown, 0, 64, holds=grown < 64))
    httpx2.post(f"http://127.0.0.1:{port}{sent.json()['url']}/cancel", headers=headers, timeout=60)


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    seen, over = [resident_kb("RssAnon", pid=pid)], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            seen.append(resident_kb("RssAnon", pid=pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def _cold(port: int, headers: dict[str, str], figures: list[dict[str, Any]]) -> None:
    started = time.perf_counter()
    path = _questions()["totals_100_products"]
    httpx2.get(f"http://127.0.0.1:{port}{path}", headers=headers).raise_for_status()
    took = (time.perf_counter() - started) * 1000
    figures.append(_figure("first read after a restart: ms", took, 0, 300, holds=took < 300))


def _crowd(clients: Clients, port: int, headers: dict[str, str], figures: list[dict[str, Any]]) -> None:
    """Reads that go to the database (each asks something else), alone and among 200 accounts of 5 companies."""
    alone = _uncached(port, headers, 0)
    with clients.database.housekeeping() as session:
        source = AccountId(session.scalars(text("SELECT id FROM accounts")).all()[-1])
    for at in range(200):
        _copy_account(clients, source, at)
    crowded = _uncached(port, headers, 1000)
    figures.append(
        _figure("1000 companies beside 1: ms a read", crowded * 1000, alone * 1000, 1.3, holds=crowded <= 1.3 * alone)
    )


def _uncached(port: int, headers: dict[str, str], offset: int) -> float:
    times = []
    with httpx2.Client(headers=headers) as client:
        for at in range(200):
            path = f"/predictions/{CNPJ}?level=product&limit={100 + at % 3}&search=p{at % 10}&cors={offset + at}"
            started = time.perf_counter()
            client.get(f"http://127.0.0.1:{port}{path}").raise_for_status()
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def _copy_account(clients: Clients, source: AccountId, at: int) -> None:
    account = AccountId(uuid4())
    with clients.database.session(account) as session:
        session.add(AccountRow(id=account, name=f"conta {at}"))
        session.flush()
        for number in range(5):
            cnpj = f"{at:06}{number:06}00"
            company = CompanyRow(account_id=account, id=uuid4(), cnpj=cnpj, slug=f"loja-{at}-{number}", name="Loja")
            run = RunRow(account_id=account, id=uuid4(), company_id=company.id, upload_id=None, stage="published")
            run.timings, run.metrics = {}, {"last_day": "2025-07-19"}
            session.add(company)
            session.flush()
            session.add(run)
            for kind in ("forecast", "totals", "accuracy", "series"):
                row = PublishedRow(account_id=account, company_id=company.id, kind=kind, month="")
                row.key, row.run_id = f"predictions/{cnpj}/{kind}", run.id
                session.add(row)
    del source


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _figure(figure: str, ours: float, against: float, goal: float, *, holds: bool) -> dict[str, Any]:
    ratio = round(ours / against, 3) if against else None
    return {
        "bench": "api",
        "figure": figure,
        "ours": round(ours, 2),
        "against": round(against, 2),
        "ratio": ratio,
        "goal": goal,
        "holds": holds,
    }


def _print(figures: list[dict[str, Any]]) -> None:
    print(f"{'figure':64} {'ours':>10} {'against':>10} {'ratio':>7} {'goal':>6}  holds")
    for row in figures:
        print(
            f"{row['figure']:64} {row['ours']:>10} {row['against']:>10} {row['ratio'] or '':>7} {row['goal']:>6}  "
            f"{'yes' if row['holds'] else 'NO'}"
        )
    for row in figures:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
