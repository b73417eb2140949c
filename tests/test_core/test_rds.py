from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from app.core.rds import Login, RoleCredentials, auth_token, role_credentials

LOGIN = Login("loja.cluster.sa-east-1.rds.amazonaws.com", 5432, "quantyfy_app", "sa-east-1")
ROLE = RoleCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjE+/=token")
AT = datetime(2026, 11, 22, 20, 54, 30, tzinfo=UTC)


def test_the_token_is_botocores_own() -> None:
    """Recorded from `botocore.signers.generate_db_auth_token` 1.43, with the same key at the same moment."""
    recorded = (
        "loja.cluster.sa-east-1.rds.amazonaws.com:5432/?Action=connect&DBUser=quantyfy_app"
        "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261122%2Fsa-east-1%2Frds-db%2Faws4_request"
        "&X-Amz-Date=20261122T205430Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host"
        "&X-Amz-Security-Token=IQoJb3JpZ2luX2VjE%2B%2F%3Dtoken"
        "&X-Amz-Signature=3de1a3d17a5246058f3a22f9399e84db8709eb230c7cb04bd9822789062ed573"
    )
    assert sorted(auth_token(LOGIN, ROLE, now=AT).split("&")) == sorted(recorded.split("&"))


class Ecs(BaseHTTPRequestHandler):
    """What ECS tells a task."""

    def do_GET(self) -> None:
        body = b'{"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T", "Expiration": "2026-11-22T21:54:30Z"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def ecs() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Ecs) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v2/credentials/x"
        server.shutdown()
        thread.join()


def test_a_task_asks_ecs_for_its_role_and_a_function_has_it_in_its_environment(
    ecs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", ecs)
    assert role_credentials() == RoleCredentials("A", "S", "T")
    for name, value in zip(("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"), "xyz", strict=True):
        monkeypatch.setenv(f"AWS_{name}", value)
    assert role_credentials() == RoleCredentials("x", "y", "z")
