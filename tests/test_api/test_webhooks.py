"""Who is told of uploads: signed to the standard, tried again for a day, and never at an address that is not public."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select, text
from standardwebhooks import Webhook, WebhookVerificationError

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.outgoing import post, public_address
from app.core.queue import Job
from app.core.tables import WebhookDeliveryRow
from app.domain.errors import ForbiddenAddress
from app.pipeline.uploads import give_up
from app.pipeline.webhooks import Attempted, Event, deliver, deliveries, list_webhooks, make_webhook
from tests.shop import write_shop
from tests.test_api.shop_door import Shop
from tests.test_pipeline import test_path as stories

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
# The example of the specification, "Delivery failure and retry": at once, then after these.
PAUSES_S = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)


class Received(NamedTuple):
    headers: dict[str, str]
    body: bytes


class Ear(NamedTuple):
    url: str
    heard: list[Received]
    answers: list[int]


@pytest.fixture
def ear() -> Iterator[Ear]:
    """A receiver that answers what it is told to, 204 by default."""
    heard: list[Received] = []
    answers: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append(Received({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(answers.pop(0) if answers else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Ear(f"http://127.0.0.1:{server.server_port}/hook", heard, answers)
        server.shutdown()
        thread.join()


def test_a_webhook_is_told_signed_and_logged(shop: Shop, tmp_path: Path, ear: Ear) -> None:
    made = shop.http.post("/webhooks", headers=shop.headers, json={"url": ear.url}).json()
    address = shop.upload(tmp_path / "files")
    shop.work()
    told = Webhook(made["secret"]).verify(ear.heard[0].body, ear.heard[0].headers)
    assert told["type"] == "upload.published"
    assert address.endswith(told["data"]["upload_id"])
    log = shop.http.get(f"/webhooks/{made['id']}/deliveries", headers=shop.headers).json()["deliveries"]
    assert [attempt["status"] for attempt in log[0]["attempts"]] == [204]
    assert log[0]["delivered_at"] is not None


def test_a_webhook_that_fails_is_tried_again_later(shop: Shop, tmp_path: Path, ear: Ear) -> None:
    ear.answers.append(500)
    made = shop.http.post("/webhooks", headers=shop.headers, json={"url": ear.url}).json()
    shop.upload(tmp_path / "files")
    shop.work()
    path = f"/webhooks/{made['id']}/deliveries"
    log = shop.http.get(path, headers=shop.headers).json()["deliveries"][0]
    assert log["next_attempt_at"] is not None
    with shop.http.app.state.clients.database.queueing() as session:  # type: ignore[attr-defined]
        session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE task_name = 'deliver'"))
    shop.work()
    log = shop.http.get(path, headers=shop.headers).json()["deliveries"][0]
    assert [attempt["status"] for attempt in log["attempts"]] == [500, 204]
    assert ear.heard[0].headers["webhook-id"] == ear.heard[1].headers["webhook-id"]


class Told(NamedTuple):
    """A webhook, its secret, and the job that delivers the one event there is to tell."""

    clients: Clients
    webhook: UUID
    secret: str
    job: Job

    def log(self) -> Attempted:
        return deliveries(self.clients, self.job.account, self.webhook)[0]

    def jobs(self) -> list[datetime | None]:
        with self.clients.database.session(self.job.account) as session:
            due = text("SELECT scheduled_at FROM procrastinate_jobs WHERE lock = :lock ORDER BY id")
            return list(session.execute(due, {"lock": str(self.job.upload)}).scalars())


def told(clients: Clients, account: AccountId, folder: Path, url: str) -> Told:
    made, secret = make_webhook(clients, account, url, events=[Event.FAILED], actor="test")
    give_up(clients, stories.deliver(clients, account, write_shop(folder, days=30)), OSError())
    with clients.database.session(account) as session:
        event = session.scalars(select(WebhookDeliveryRow.id)).one()
    return Told(clients, made.id, secret, Job(account, event, event))


@pytest.fixture
def at_home(clients: Clients) -> Clients:
    """May call this machine."""
    return Clients(clients.database, clients.store, clients.queue, may_call_private=True)


def test_a_message_that_was_changed_is_not_ours(shop: Shop, tmp_path: Path, ear: Ear) -> None:
    """By the standard's own library, which shares no line with ours."""
    secret = shop.http.post("/webhooks", headers=shop.headers, json={"url": ear.url}).json()["secret"]
    shop.upload(tmp_path / "files")
    shop.work()
    heard = ear.heard[0]
    assert Webhook(secret).verify(heard.body, heard.headers) == json.loads(heard.body)
    for body, headers in (
        (heard.body.replace(b"published", b"publishee"), heard.headers),
        (heard.body, heard.headers | {"webhook-id": "msg_other"}),
        (heard.body, heard.headers | {"webhook-timestamp": str(int(heard.headers["webhook-timestamp"]) - 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + "A" * 43 + "=").verify(heard.body, heard.headers)


def test_who_does_not_listen_is_told_for_a_day_and_then_no_more(
    at_home: Clients, account: AccountId, tmp_path: Path, ear: Ear
) -> None:
    this = told(at_home, account, tmp_path / "files", ear.url)
    ear.answers.extend([500, 404, 301, 503, 429, 400, 502, 500])
    moment, moments = NOW, []
    for pause in (*PAUSES_S, None):
        deliver(at_home, this.job, now=moment)
        moments.append(moment)
        due = None if pause is None else moment + timedelta(seconds=pause)
        assert this.log().next_attempt_at == due
        assert this.jobs()[1:] == [*moments[1:], *([due] if due else [])], "the queue has it for the same moment"
        moment = due or moment
    log = this.log()
    assert [attempt["status"] for attempt in log.attempts] == [500, 404, 301, 503, 429, 400, 502, 500]
    assert [datetime.fromisoformat(attempt["at"]) for attempt in log.attempts] == moments
    assert log.delivered_at is None
    for heard, at in zip(ear.heard, moments, strict=True):
        assert heard.headers["webhook-id"] == ear.heard[0].headers["webhook-id"]
        assert heard.headers["webhook-timestamp"] == str(int(at.timestamp())), "each try is signed anew"
        signed = Webhook(this.secret).sign(heard.headers["webhook-id"], at, heard.body.decode())
        assert heard.headers["webhook-signature"] == signed


def test_what_was_heard_is_not_told_again(at_home: Clients, account: AccountId, tmp_path: Path, ear: Ear) -> None:
    this = told(at_home, account, tmp_path / "files", ear.url)
    for _ in range(3):  # a worker that was killed after it does the job again
        deliver(at_home, this.job, now=NOW)
    assert len(ear.heard) == 1
    assert (this.log().delivered_at, this.log().next_attempt_at) == (NOW, None)


def test_who_is_gone_is_told_nothing_more(at_home: Clients, account: AccountId, tmp_path: Path, ear: Ear) -> None:
    this = told(at_home, account, tmp_path / "files", ear.url)
    ear.answers.append(410)
    for _ in range(2):
        deliver(at_home, this.job, now=NOW)
    assert len(ear.heard) == 1
    assert [webhook.disabled_at for webhook in list_webhooks(at_home, account)] == [NOW]
    assert this.log().next_attempt_at is None


class Names:
    """A name server that says something else each time it is asked, and a network that leads nowhere."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.answers, self.called = list(answers), list[str]()
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)
        monkeypatch.setattr(socket, "create_connection", self.connect)

    def look_up(self, _host: str, port: int, **_: object) -> list[Any]:
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    def connect(self, address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        self.called.append(address[0])
        raise ConnectionRefusedError


def test_a_name_that_turns_private_after_the_check_is_called_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = Names(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
    with pytest.raises(httpx2.ConnectError):
        post("https://rebind.example/hook", b"{}", headers={})
    assert names.called == ["1.1.1.1"]


def test_a_name_that_is_private_by_the_time_it_is_told_is_not_called(
    clients: Clients, account: AccountId, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        Names(patched, ["1.1.1.1"])
        this = told(clients, account, tmp_path / "files", "https://rebind.example/hook")
    with monkeypatch.context() as patched:
        names = Names(patched, ["169.254.169.254"])
        deliver(clients, this.job, now=NOW)
    assert names.called == []
    assert [(attempt["status"], attempt["error"]) for attempt in this.log().attempts] == [(None, "ForbiddenAddress")]
    assert this.log().next_attempt_at == NOW + timedelta(seconds=PAUSES_S[0])


@pytest.mark.parametrize("private", ["10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1"])  # noqa: S104
def test_a_name_that_has_one_private_address_among_public_ones_is_refused(
    monkeypatch: pytest.MonkeyPatch, private: str
) -> None:
    Names(monkeypatch, ["1.1.1.1", private])
    with pytest.raises(ForbiddenAddress):
        public_address("https://both.example/")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://user@10.0.0.1/",
        "https://1.1.1.1\n/",
        "https://example.com:99999/",
        "ftp://1.1.1.1/",
        "https:///",
        "",
    ],
)
def test_an_address_that_is_not_public_is_never_called(url: str) -> None:
    with pytest.raises(ForbiddenAddress):
        public_address(url)
    assert public_address("https://1.1.1.1/") == "1.1.1.1"
