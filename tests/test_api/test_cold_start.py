"""A service that says it is ready has everything at hand that the first reader needs."""

import json
import os
import subprocess
import sys

from app.pipeline.rendering import Format
from tests.shop import CNPJ
from tests.test_api.served import Served

FIRST_READER = """
import json, sys
from fastapi.testclient import TestClient
from app.api.main import create_app
from app.core.config import Settings
headers, paths = json.load(sys.stdin)
with TestClient(create_app(Settings())) as client:
    client.get("/health/ready").raise_for_status()
    ready = set(sys.modules)
    for path in paths:
        client.get(path, headers=headers).raise_for_status()
    json.dump(sorted(set(sys.modules) - ready), sys.stderr)
"""


def test_the_first_reader_waits_for_no_code(served: Served) -> None:
    settings = served.shop.settings
    assert settings.database_url is not None
    environment = os.environ | {
        "QUANTYFY_DATABASE_URL": settings.database_url.get_secret_value(),
        "QUANTYFY_LAKE_URL": settings.lake,
    }
    paths = [f"/predictions/{CNPJ}?view={view}&format={kind}" for view in ("totals", "daily") for kind in Format]
    asked = json.dumps([served.headers, paths])
    command = [sys.executable, "-c", FIRST_READER]
    read = subprocess.run(command, input=asked, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(read.stderr.splitlines()[-1]) == []
