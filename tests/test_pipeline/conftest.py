"""Every story is told on a folder and on a real S3 server."""

from pathlib import Path
from uuid import uuid4

import pytest

from app.core.s3 import Store, store_at


@pytest.fixture(params=["file", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty lake of each kind."""
    if request.param == "file":
        return store_at((tmp_path / "lake").as_uri())
    empty: Store = request.getfixturevalue("s3_server").store(str(uuid4()))
    return empty
