"""Bodies on a real line: of strangers, too large, too slow, cut off; and answers that take their time."""

import json
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, Self

import httpx2
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from sqlalchemy import create_engine, select, text

from app.api.dependencies import caller_of
from app.api.limits import OpenRoute
from app.api.main import create_app
from app.api.routes import ROUTERS
from app.api.serving import Server
from app.core.clients import Clients
from app.core.config import Settings
from app.core.database import AccountId
from app.core.tables import CompanyRow, UploadRow
from app.domain.access import Scope
from app.pipeline.access import WantedKey, make_account_key
from app.pipeline.companies import open_account
from tests.conftest import sqlalchemy_url
from tests.shop import CNPJ
from tests.waiting import until

PATIENCE_S = 60
FIELDS = "".join(
    f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{said}\r\n'
    for name, said in {"cnpj": CNPJ, "company_name": "Padaria"}.items()
).encode()
FILE = b'--x\r\nContent-Disposition: form-data; name="vendas_itens"; filename="i.csv"\r\n\r\n'
ROWS = b"Pedido;Data;SKU;Quantidade\r\n1;20/11/2026;PAO;2\r\n"
END = b"\r\n--x--\r\n"
WHOLE = FIELDS + FILE + ROWS + END


class Told(NamedTuple):
    """An answer as it came over the line."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])


class Line:
    """One connection, on which everything is said by hand."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, method: str, path: str, headers: dict[str, str]) -> Self:
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        return self

    def send(self, content: bytes) -> Self:
        self.socket.sendall(content)
        return self

    def answer(self) -> Told:
        """All that comes until the other side hangs up."""
        came = b""
        while piece := self._more():
            came += piece
        head, _, body = came.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
        return Told(int(first.split()[1]), headers, body)

    def _more(self) -> bytes:
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""

    def is_answered(self) -> bool:
        self.socket.settimeout(0.02)
        try:
            return bool(self.socket.recv(1, socket.MSG_PEEK))
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(PATIENCE_S)


class Door(NamedTuple):
    """A service that listens, and a key to it."""

    port: int
    account: AccountId
    headers: dict[str, str]
    clients: Clients
    server: Server

    def upload(self, length: int, **headers: str) -> Line:
        """An upload that announces so many bytes, of which none has been sent yet."""
        form = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(length)}
        return Line(self.port).ask("POST", "/upload", self.headers | form | headers)

    def key(self, wanted: WantedKey) -> dict[str, str]:
        secret = make_account_key(self.clients, self.account, wanted, actor="test")[1]
        return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def door(settings: Settings, clients: Clients) -> Iterator[Callable[..., Door]]:
    """Opens a door with other settings than usual."""
    with ExitStack() as stack:
        yield lambda **other: stack.enter_context(_listening(settings.model_copy(update=other), clients))


@contextmanager
def _listening(settings: Settings, clients: Clients) -> Iterator[Door]:
    account, secret = open_account(clients, name="Padaria", key_name="teste")
    server = Server(create_app(settings), host="127.0.0.1", port=0, grace_s=PATIENCE_S)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started, patience_s=PATIENCE_S)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Door(port, account, {"Authorization": f"Bearer {secret}"}, clients, server)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def drafts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the service writes what it has not stored yet."""
    folder = tmp_path / "drafts"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def nothing_is_kept(door: Door, lake: Path) -> bool:
    with door.clients.database.session(door.account) as session:
        rows = [session.scalars(select(table)).all() for table in (UploadRow, CompanyRow)]
    return rows == [[], []] and not [path for path in lake.rglob("*") if path.is_file()]


ANNOUNCED = {"Content-Length": "500000000"}
UNANNOUNCED = {"Transfer-Encoding": "chunked"}


@pytest.mark.parametrize("size", [ANNOUNCED, UNANNOUNCED], ids=["announced", "unannounced"])
@pytest.mark.parametrize("key", [{}, {"Authorization": "Bearer qk_wrong"}], ids=["none", "wrong"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/upload"), ("PUT", "/uploads/x/files/0"), ("GET", "/companies")]
)
def test_a_strangers_body_is_not_waited_for(
    door: Callable[..., Door], method: str, path: str, key: dict[str, str], size: dict[str, str]
) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    with Line(door(upload_limit_mb=500).port) as line:
        told = line.ask(method, path, key | form | size).answer()
    assert (told.status, told.code) == (401, "not-authenticated")
    assert told.headers["connection"] == "close"


def fields(size: int) -> bytes:
    """JSON of about so many bytes that means nothing to us."""
    return b'{"a0":0' + b"".join(b',"f%d":0' % number for number in range(size // 11)) + b"}"


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("path", ["/session", "/session/links/x", "/session/links/x/password"])
@pytest.mark.parametrize("size", [{"Content-Length": "990000"}, UNANNOUNCED], ids=["announced", "chunked"])
def test_where_people_sign_in_a_body_over_8_kb_is_refused_before_it_is_read(
    door: Callable[..., Door], path: str, size: dict[str, str]
) -> None:
    with Line(door().port) as line:
        line.ask("POST", path, JSON | size)
        if size == UNANNOUNCED:  # what is announced is refused before anything of it comes
            line.send(b"4000\r\n" + fields(990_000)[:0x4000] + b"\r\n")
        told = line.answer()
    assert (told.status, told.code, told.headers["connection"]) == (413, "body-too-large", "close")
    assert len(told.body) < 1_000


def test_a_body_without_files_holds_64_kb_whoever_sends_it(door: Callable[..., Door]) -> None:
    opened = door()
    with Line(opened.port) as line:
        told = line.ask("POST", "/keys", opened.headers | JSON | {"Content-Length": "65537"}).answer()
    assert (told.status, told.code) == (413, "body-too-large")
    assert posted(opened.port, fields(60_000), opened.headers).status == 422


def posted(port: int, body: bytes, headers: dict[str, str]) -> Told:
    answer = httpx2.post(f"http://127.0.0.1:{port}/keys", content=body, headers=headers | JSON, timeout=PATIENCE_S)
    return Told(answer.status_code, dict(answer.headers), answer.content)


def test_of_many_mistakes_the_first_ten_are_named_and_the_others_counted(door: Callable[..., Door]) -> None:
    opened = door()
    told = posted(opened.port, fields(60_000), opened.headers)
    detail = json.loads(told.body)["detail"]
    assert detail.count("este campo não existe aqui") == 9  # beside the name, which is missing
    assert "; e mais " in detail
    assert len(told.body) < 2_000


def test_a_name_that_the_sender_made_up_is_not_told_back_at_length(door: Callable[..., Door]) -> None:
    opened = door()
    told = posted(opened.port, json.dumps({"x" * 50_000: 0}).encode(), opened.headers)
    assert (told.status, told.code) == (422, "invalid-request")
    assert len(told.body) < 1_000


@pytest.mark.parametrize("body", [b"[" * 8_000, b"9" * 8_000, b'{"email":' * 800], ids=["deep", "number", "nested"])
def test_what_is_hard_to_read_is_only_a_mistake(door: Callable[..., Door], body: bytes) -> None:
    answer = httpx2.post(f"http://127.0.0.1:{door().port}/session", content=body, headers=JSON, timeout=PATIENCE_S)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


def test_every_route_that_asks_for_no_key_holds_its_body_to_8_kb() -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    strangers = {route.path for route in routes if not asks_for_a_key(route.dependant)}
    assert {"/session", "/session/links/{link}", "/session/links/{link}/password", "/metrics"} <= strangers
    held = {route.path for route in routes if isinstance(route, OpenRoute)}
    assert strangers <= held


def asks_for_a_key(dependant: Dependant) -> bool:
    return dependant.call is caller_of or any(map(asks_for_a_key, dependant.dependencies))


def test_who_may_not_upload_or_asks_too_often_is_told_before_the_body(door: Callable[..., Door]) -> None:
    opened = door(upload_limit_mb=500)
    reader = opened.key(WantedKey("leitor", scopes=[Scope.READ]))
    hurried = opened.key(WantedKey("apressado", requests_per_minute=1))
    httpx2.get(f"http://127.0.0.1:{opened.port}/companies", headers=hurried)
    for key, status in ((reader, 403), (hurried, 429)):
        with opened.upload(500_000_000, **key) as line:
            told = line.answer()
        assert (told.status, told.headers["connection"]) == (status, "close")


@pytest.mark.parametrize(
    ("method", "path", "length", "code"),
    [
        ("POST", "/upload", 1_100_000, "upload-too-large"),
        ("POST", "/keys", 1_100_000, "body-too-large"),
        ("POST", "/session", 500_000_000, "body-too-large"),
    ],
)
def test_a_body_that_announces_too_much_is_refused_unread(
    door: Callable[..., Door], method: str, path: str, length: int, code: str
) -> None:
    opened = door(upload_limit_mb=1)
    headers = opened.headers | {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(length)}
    with Line(opened.port) as line:
        told = line.ask(method, path, headers).answer()
    assert (told.status, told.code, told.headers["connection"]) == (413, code, "close")


def test_a_body_that_was_only_announced_small_enough_goes_through(door: Callable[..., Door]) -> None:
    with door().upload(len(WHOLE), Connection="close") as line:
        assert line.send(WHOLE).answer().status == 202


@pytest.mark.parametrize("sent", [b"", FIELDS + FILE + ROWS], ids=["silent", "stopped"])
def test_a_body_that_stops_is_told_so(door: Callable[..., Door], tmp_path: Path, drafts: Path, sent: bytes) -> None:
    opened = door(body_pause_seconds=0.3)
    with opened.upload(500_000) as line:
        told = line.send(sent).answer()
    assert (told.status, told.code) == (408, "too-slow")
    assert told.headers["content-type"] == "application/problem+json"
    assert not list(drafts.iterdir())
    assert nothing_is_kept(opened, tmp_path / "lake")


def test_a_body_that_drips_is_told_so_though_it_never_stops(door: Callable[..., Door]) -> None:
    with door(body_pause_seconds=0.5).upload(500_000) as line:
        line.send(FIELDS + FILE)
        until(lambda: line.send(b"x").is_answered(), patience_s=PATIENCE_S)
        assert line.answer().code == "too-slow"


def test_a_body_may_not_take_longer_than_an_answer(door: Callable[..., Door]) -> None:
    with door(answer_seconds=0.3).upload(500_000) as line:
        assert line.send(FIELDS).answer().code == "too-slow"


def test_an_answer_that_takes_too_long_is_given_up_and_the_work_is_not(
    door: Callable[..., Door], owner_url: str
) -> None:
    opened = door(answer_seconds=0.5)
    engine = create_engine(sqlalchemy_url(owner_url))
    with engine.begin() as owner, opened.upload(len(WHOLE), Connection="close") as line:
        owner.execute(text("LOCK TABLE companies IN ACCESS EXCLUSIVE MODE"))
        told = line.send(WHOLE).answer()
    engine.dispose()
    assert (told.status, told.code) == (503, "took-too-long")

    def is_received() -> bool:
        with opened.clients.database.session(opened.account) as session:
            return session.scalar(select(UploadRow.state)) == "received"

    until(is_received, patience_s=PATIENCE_S)
    with opened.upload(len(WHOLE), Connection="close") as line:
        assert line.send(WHOLE).answer().status == 202


def test_events_go_on_for_longer_than_an_answer_may_take(door: Callable[..., Door]) -> None:
    opened = door(answer_seconds=0.5)
    with opened.upload(len(WHOLE), Connection="close") as line:
        address = f"http://127.0.0.1:{opened.port}{line.send(WHOLE).answer().headers['location']}"
    with httpx2.stream("GET", f"{address}/events", headers=opened.headers, timeout=PATIENCE_S) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data: "))
        assert '"received"' in next(lines)
        time.sleep(1)
        httpx2.post(f"{address}/cancel", headers=opened.headers)
        assert '"cancelled"' in next(lines)


def test_events_end_when_the_service_is_told_to_stop(door: Callable[..., Door]) -> None:
    opened = door()
    with opened.upload(len(WHOLE), Connection="close") as line:
        address = f"http://127.0.0.1:{opened.port}{line.send(WHOLE).answer().headers['location']}"
    with httpx2.stream("GET", f"{address}/events", headers=opened.headers, timeout=PATIENCE_S) as stream:
        lines = (line for line in stream.iter_lines() if line.startswith("data: "))
        assert '"received"' in next(lines)
        opened.server.should_exit = True
        assert list(lines) == []


def test_an_upload_that_is_cut_off_leaves_nothing(door: Callable[..., Door], tmp_path: Path, drafts: Path) -> None:
    opened = door()
    with opened.upload(500_000) as line:
        line.send(FIELDS + FILE + ROWS)
        until(lambda: [path for path in drafts.rglob("*") if path.is_file()], patience_s=PATIENCE_S)
    until(lambda: not list(drafts.iterdir()), patience_s=PATIENCE_S)
    assert nothing_is_kept(opened, tmp_path / "lake")


def test_a_file_on_its_way_to_the_lake_that_is_cut_off_leaves_nothing(
    door: Callable[..., Door], tmp_path: Path
) -> None:
    opened = door()
    announced = httpx2.post(
        f"http://127.0.0.1:{opened.port}/uploads",
        headers=opened.headers,
        json={"cnpj": CNPJ, "company_name": "Padaria", "files": [{"name": "i.csv"}]},
    ).json()
    slot = announced["files"][0]["url"]
    with Line(opened.port).ask("PUT", slot, opened.headers | {"Content-Length": "500000"}) as line:
        line.send(ROWS)
    complete = httpx2.post(f"http://127.0.0.1:{opened.port}{announced['complete']}", headers=opened.headers)
    assert complete.json()["code"] == "file-not-arrived"
    assert nothing_is_kept(opened, tmp_path / "lake")


@pytest.mark.parametrize("path", [f"/predictions/{CNPJ}", "/predictions/x", "/docs", "/nothing", "*"])
def test_head_leaves_the_line_ready_for_the_next_request(door: Callable[..., Door], path: str) -> None:
    opened = door()
    with Line(opened.port).ask("HEAD", path, opened.headers) as line:
        told = line.ask("GET", "/health/live", {"Connection": "close"}).answer()
    assert told.status in {400, 404, 405, 422}
    assert int(told.headers["content-length"]) > 0
    assert told.body.startswith(b"HTTP/1.1 200 OK\r\n")
    assert told.body.endswith(b'{"status":"alive"}')
