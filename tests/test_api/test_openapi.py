"""The API's document is committed: what changes in it is seen in review."""

import json
from pathlib import Path

from app.api.main import create_app
from app.core.config import Settings

COMMITTED = Path(__file__).parent.parent.parent / "openapi.json"


def test_the_committed_document_is_the_services() -> None:
    document = create_app(Settings()).openapi()
    assert json.loads(COMMITTED.read_text()) == json.loads(json.dumps(document)), "make openapi"


def test_every_operation_says_who_may_and_what_can_go_wrong() -> None:
    document = json.loads(COMMITTED.read_text())
    open_to_all = {"/health/live", "/health/ready", "/metrics", "/problems/{code}", "/session", "/session/links/{link}"}
    for path, verbs in document["paths"].items():
        for operation in verbs.values():
            assert operation["description"]
            assert operation["tags"]
            if path not in open_to_all:
                assert operation["security"], path
                assert {"401", "403", "429"} <= operation["responses"].keys(), path
