"""An address to PUT to: for one object, for a while, and for nothing else."""

from datetime import timedelta
from pathlib import Path

import httpx2

from app.core.s3 import Store, store_at
from tests.s3_server import S3Server

KEY = "incoming/conta/envio/file-0"


def bucket(server: S3Server) -> Store:
    url = f"s3://{server.bucket}/prefixo"
    return store_at(url, endpoint=server.endpoint, region="x", credentials=server.credentials)


def test_whoever_has_the_address_may_put_that_object(s3_server: S3Server) -> None:
    store = bucket(s3_server)
    url = store.put_url(KEY, lasts=timedelta(minutes=5))
    assert url is not None
    assert httpx2.put(url, content=b"1;2;3").is_success
    assert store.get(KEY) == b"1;2;3"


def test_the_address_is_good_for_nothing_else(s3_server: S3Server) -> None:
    store = bucket(s3_server)
    url = store.put_url(KEY, lasts=timedelta(minutes=5)) or ""
    other = url.replace("file-0", "file-1")
    assert other != url
    assert httpx2.put(other, content=b"x").status_code == 403
    assert httpx2.get(url).status_code == 403
    assert not store.exists(KEY.replace("file-0", "file-1"))


def test_a_folder_has_no_addresses(tmp_path: Path) -> None:
    assert store_at(tmp_path.as_uri()).put_url(KEY, lasts=timedelta(minutes=5)) is None
