"""Where a task asks for its role's keys, as on Fargate: an address and a token, and answers that expire."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from app.core.s3 import Credentials

TOKEN = "of-the-task"  # noqa: S105  known to this test alone


class Handout(NamedTuple):
    """Keys and how long they say they last."""

    credentials: Credentials
    lasts: timedelta

    def body(self) -> bytes:
        """As AWS writes it."""
        said = {
            "AccessKeyId": self.credentials.key_id,
            "SecretAccessKey": self.credentials.secret,
            "Token": "",
            "Expiration": f"{datetime.now(UTC) + self.lasts:%Y-%m-%dT%H:%M:%SZ}",
        }
        return json.dumps(said).encode()


class Issuer:
    """Hands out what is next, and goes on with the last; counts how often it was asked."""

    def __init__(self, *handouts: Handout) -> None:
        self.handouts = list(handouts)
        self.asked = 0

    def next(self) -> Handout:
        self.asked += 1
        return self.handouts.pop(0) if len(self.handouts) > 1 else self.handouts[0]


@contextmanager
def issuing(issuer: Issuer, *, folder: Path) -> Iterator[Mapping[str, str]]:
    """The issuer behind an address; what a task's environment says of it."""
    token = folder / "token"
    token.write_text(TOKEN)
    door = type("Door", (Desk,), {"issuer": issuer})
    with ThreadingHTTPServer(("127.0.0.1", 0), door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.server_port}/keys",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
            }
        finally:
            server.shutdown()


class Desk(BaseHTTPRequestHandler):
    """One question."""

    issuer: Issuer

    def do_GET(self) -> None:
        known = self.headers["Authorization"] == TOKEN
        body = self.issuer.next().body() if known else b""
        self.send_response(200 if known else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
