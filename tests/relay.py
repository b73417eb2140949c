"""A road to an S3 server: it counts what it carries, and breaks when asked, as a busy S3 or one that forgot us.

It can also have objects look older than they are, for S3 lets nobody say when an object was made.
"""

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit


class Fault(NamedTuple):
    """What S3 says instead of an answer."""

    status: int
    code: str

    @property
    def body(self) -> bytes:
        """The error as S3 writes it."""
        return f"<?xml version='1.0'?><Error><Code>{self.code}</Code><Message>{self.code}</Message></Error>".encode()


SLOW_DOWN = Fault(503, "SlowDown")
EXPIRED = Fault(400, "ExpiredToken")


class Road:
    """Where the server is reached, the faults that the next requests meet, and the bytes of bodies carried back."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.faults: list[Fault] = []
        self.carried = 0
        self.ages = timedelta()  # that listings add to every object

    def aged(self, listing: bytes) -> bytes:
        """A listing of objects that are so much older."""

        def earlier(found: re.Match[str]) -> str:
            return (datetime.fromisoformat(found[0]) - self.ages).isoformat()

        return re.sub(r"(?<=<LastModified>)[^<]+", earlier, listing.decode()).encode()


@contextmanager
def road_to(endpoint: str) -> Iterator[Road]:
    """Everything goes on to `endpoint`, with the name it was signed for, except what meets a fault."""
    road = Road(endpoint)
    door = type("Door", (Relay,), {"road": road, "server_at": urlsplit(endpoint).netloc})
    with ThreadingHTTPServer(("127.0.0.1", 0), door) as server:
        server.daemon_threads = True
        road.endpoint = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield road
        finally:
            server.shutdown()


class Relay(BaseHTTPRequestHandler):
    """One request on the road."""

    protocol_version = "HTTP/1.1"
    road: Road
    server_at: str

    def _relay(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.road.faults:
            fault = self.road.faults.pop()
            self._answer(fault.status, {}, b"" if self.command == "HEAD" else fault.body)
            return
        with closing(http.client.HTTPConnection(self.server_at)) as connection:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            if self.road.ages and "list-type=2" in self.path:
                content = self.road.aged(content)
            self._answer(answer.status, dict(answer.getheaders()), content)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _relay  # noqa: N815  the library looks for these names

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        kept = {
            name: value for name, value in headers.items() if name.lower() not in {"transfer-encoding", "connection"}
        }
        if self.command != "HEAD" or "Content-Length" not in kept:
            kept["Content-Length"] = str(len(body))
        self.road.carried += len(body)
        self.send_response_only(status)
        for name, value in kept.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
