"""One suite, run on a folder and on a real S3 server."""

import gzip
import io
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self

import polars as pl
import pytest

from app.core.s3 import Credentials, Store, store_at
from app.domain.errors import ObjectExists, ObjectMissing, Unavailable

if TYPE_CHECKING:
    from app.core.sending import Readable

NUMBERS = count()
MEGABYTE = 1024 * 1024


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of each kind."""
    if request.param == "file":
        return store_at((tmp_path / "São João").as_uri())
    return bucket(request, f"loja/{next(NUMBERS)}")


def bucket(request: pytest.FixtureRequest, prefix: str, *, secret: str | None = None) -> Store:
    server = request.getfixturevalue("s3_server")
    credentials = Credentials(server.credentials.key_id, secret or server.credentials.secret)
    return store_at(
        f"s3://{server.bucket}/{prefix}", endpoint=server.endpoint, region="sa-east-1", credentials=credentials
    )


def keys(store: Store, folder: str = "") -> list[str]:
    return sorted(found.key for found in store.list(folder))


def test_what_is_put_is_what_is_got(store: Store, tmp_path: Path) -> None:
    (tmp_path / "vendas.csv").write_bytes(b"um arquivo")
    store.put("raw/bytes", b"\x00bytes")
    store.put("raw/path", tmp_path / "vendas.csv")
    store.put("raw/stream", io.BytesIO(b"uma corrente"))
    assert [store.get(key) for key in keys(store)] == [b"\x00bytes", b"um arquivo", b"uma corrente"]


def test_nothing_can_be_stored_too(store: Store, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    nothings: dict[str, bytes | Path | Readable] = {"a": b"", "b": tmp_path / "empty", "c": io.BytesIO()}
    for key, content in nothings.items():
        store.put(key, content)
        assert store.get(key) == b""
        assert list(store.stream(key)) == []


def test_a_stream_is_stored_as_it_reads_and_from_where_it_stands(store: Store, tmp_path: Path) -> None:
    packed = tmp_path / "vendas.csv.gz"
    packed.write_bytes(gzip.compress(b"cabecalho;dados"))
    with gzip.open(packed) as stream:
        stream.seek(10)
        store.put("x", stream)
    assert store.get("x") == b"dados"


def test_an_object_is_not_overwritten_unless_asked(store: Store) -> None:
    store.put("k", b"primeiro")
    with pytest.raises(ObjectExists, match="k"):
        store.put("k", b"segundo")
    assert store.get("k") == b"primeiro"
    store.put("k", b"terceiro", if_absent=False)
    assert store.get("k") == b"terceiro"


@pytest.mark.parametrize("size", [1, 6 * MEGABYTE])
def test_of_sixteen_that_put_the_same_key_at_once_one_wins(store: Store, size: int) -> None:
    line_up = threading.Barrier(16)

    def race(number: int) -> int | None:
        content = bytes([number]) * size
        line_up.wait()
        try:
            store.put("k", io.BytesIO(content))
        except ObjectExists:
            return None
        return number

    with ThreadPoolExecutor(16) as pool:
        winners = [number for number in pool.map(race, range(16)) if number is not None]
    assert len(winners) == 1
    assert store.get("k") == bytes(winners) * size


class Endless:
    """A stream of `size` bytes that are nowhere, which ends with `error` if there is one."""

    def __init__(self, size: int, *, error: Exception | None = None) -> None:
        self.left = size
        self.error = error

    def read(self, size: int, /) -> bytes:
        assert size > 0, "a stream that may be of any length must not be asked for all of itself"
        if not self.left and self.error:
            raise self.error
        size = min(size, self.left)
        self.left -= size
        return b"x" * size


def test_64_megabytes_go_through_a_small_memory(store: Store, tmp_path: Path) -> None:
    with Peak() as peak:
        store.put("big", Endless(64 * MEGABYTE))
        store.download("big", tmp_path / "big")
    assert (tmp_path / "big").stat().st_size == store.head("big").size == 64 * MEGABYTE
    assert peak.growth < 32 * MEGABYTE


def test_a_large_file_does_not_count_as_our_memory_while_it_is_sent(store: Store, tmp_path: Path) -> None:
    (tmp_path / "large.csv").write_bytes(b"x" * (160 * MEGABYTE))
    with Peak("RssFile") as pages, Peak() as own:
        store.put("big", tmp_path / "large.csv")
    assert store.head("big").size == 160 * MEGABYTE
    assert own.growth < 32 * MEGABYTE
    assert pages.growth < 96 * MEGABYTE


def test_what_is_still_being_written_is_not_there(store: Store) -> None:
    seen: list[list[str]] = []

    class Watched(Endless):
        def read(self, size: int, /) -> bytes:
            seen.append(keys(store))
            return super().read(size)

    store.put("raw/loja/vendas.csv", Watched(3 * MEGABYTE))
    assert seen == [[]] * 4
    assert keys(store) == ["raw/loja/vendas.csv"]


class Peak:
    """The most memory of a kind (of our own, not pages of files) that was used inside, above what was used before."""

    def __init__(self, kind: str = "RssAnon") -> None:
        self.kind = kind

    def __enter__(self) -> Self:
        self.before = self.most = self.now()
        self.over = threading.Event()
        self.watch = threading.Thread(target=self.look)
        self.watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.watch.join()
        self.growth = self.most - self.before

    def look(self) -> None:
        while not self.over.wait(0.005):
            self.most = max(self.most, self.now())

    def now(self) -> int:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.split(f"{self.kind}:")[1].split()[0])


def test_a_stream_that_breaks_leaves_nothing(store: Store) -> None:
    with pytest.raises(ConnectionResetError):
        store.put("k", Endless(20 * MEGABYTE, error=ConnectionResetError()))
    assert keys(store) == []
    assert not store.exists("k")


def test_a_missing_object_is_said_to_be_missing(store: Store, tmp_path: Path) -> None:
    ways: list[Callable[[str], object]] = [
        store.get,
        store.head,
        store.stream,
        lambda key: store.get_range(key, start=0, end=1),
        lambda key: store.download(key, tmp_path / "d"),
    ]
    for way in ways:
        with pytest.raises(ObjectMissing, match="nada/aqui"):
            way("nada/aqui")
    assert not store.exists("nada/aqui")
    assert list(store.list("nada")) == []
    assert not list(tmp_path.glob("d*"))


@pytest.mark.parametrize(
    ("start", "end", "found"), [(0, 3, b"abc"), (2, 4, b"cd"), (4, 99, b"ef"), (6, 7, b""), (50, 60, b"")]
)
def test_a_range_is_a_slice(store: Store, start: int, end: int, found: bytes) -> None:
    store.put("k", b"abcdef")
    assert store.get_range("k", start=start, end=end) == found


def test_a_stream_comes_in_pieces(store: Store) -> None:
    content = b"0123456789" * (MEGABYTE // 2)
    store.put("k", content)
    pieces = list(store.stream("k"))
    assert len(pieces) > 1
    assert b"".join(pieces) == content


def test_eleven_hundred_objects_are_listed_and_removed_at_once(store: Store) -> None:
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: store.put(f"raw/loja/{number:04}", b"x"), range(1100)))
    assert keys(store, "raw/") == [f"raw/loja/{number:04}" for number in range(1100)]
    store.delete([*keys(store), "raw/loja/never-was"])
    assert keys(store) == []


def test_a_listing_says_size_and_time_and_stays_in_its_folder(store: Store) -> None:
    store.put("raw/padaria/a", b"12345")
    store.put("raw/padaria-2/a", b"1")
    [found] = store.list("raw/padaria")
    assert found == store.head("raw/padaria/a")
    assert (found.key, found.size) == ("raw/padaria/a", 5)
    assert abs(found.modified.timestamp() - time.time()) < 3600


def test_the_folders_of_removed_objects_go_with_them(tmp_path: Path) -> None:
    store = store_at((tmp_path / "lake").as_uri())
    store.put("raw/padaria-do-joao/12ABC/vendas.csv", b"x")
    store.delete(["raw/padaria-do-joao/12ABC/vendas.csv"])
    assert list((tmp_path / "lake").iterdir()) == []


@pytest.mark.parametrize(
    "key", ["São João/pão de queijo.csv", "a+b%20c&d=e~f", "100%/*[?]'\"<x>|{y}", "c\u0327/\U0001f35e", "a" * 240]
)
def test_odd_keys_are_kept_to_the_letter(store: Store, key: str) -> None:
    frame = pl.DataFrame({"units": [1, 2]})
    parquet = io.BytesIO()
    frame.write_parquet(parquet)
    store.put(key, parquet.getvalue())
    assert keys(store) == [key]
    assert store.get(key) == parquet.getvalue()
    source = store.scan_source(key)
    assert pl.scan_parquet(source.url, storage_options=source.options, glob=False).collect().equals(frame)
    store.delete([key])
    assert not store.exists(key)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/etc/passwd",
        "a/../b",
        "..",
        "a/./b",
        "a//b",
        "a/",
        "a\nb",
        "a\0b",
        "a\\b",
        "a#1",
        "a" * 241,
        "a/" * 512 + "b",
        "\ud800",
    ],
)
def test_no_key_leads_anywhere_else(store: Store, key: str) -> None:
    ways: list[Callable[[], object]] = [
        lambda: store.put(key, b"x"),
        lambda: store.get(key),
        lambda: store.get_range(key, start=0, end=1),
        lambda: store.stream(key),
        lambda: store.head(key),
        lambda: store.exists(key),
        lambda: store.delete([key]),
        lambda: store.scan_source(key),
    ]
    for way in ways:
        with pytest.raises(ValueError, match="not a key"):
            way()
    assert keys(store) == []


def test_a_download_replaces_a_file_whole(store: Store, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "d").write_bytes(b"velho e mais comprido")
    store.put("k", b"novo")
    store.download("k", tmp_path / "out" / "d")
    assert [path.read_bytes() for path in (tmp_path / "out").iterdir()] == [b"novo"]


def test_a_store_in_order_is_ready(store: Store) -> None:
    store.check()
    store.put("k", b"x")
    store.check()


def test_a_folder_that_is_gone_is_not_ready(tmp_path: Path) -> None:
    store = store_at((tmp_path / "lake").as_uri())
    (tmp_path / "lake").rmdir()
    with pytest.raises(Unavailable, match="lake"):
        store.check()


def test_a_wrong_secret_is_refused_everything(request: pytest.FixtureRequest) -> None:
    owner, stranger = bucket(request, "cofre"), bucket(request, "cofre", secret="chute")  # noqa: S106 - a wrong one
    owner.put("k", b"x")
    ways: list[Callable[[], object]] = [
        lambda: stranger.get("k"),
        lambda: stranger.put("k2", b"x"),
        lambda: list(stranger.list()),
        lambda: stranger.delete(["k"]),
        stranger.check,
    ]
    for way in ways:
        with pytest.raises(Unavailable, match="s3://lake/cofre"):
            way()
    assert keys(owner) == ["k"]


def test_a_server_that_is_not_there_is_found_out_within_seconds() -> None:
    store = store_at("s3://lake", endpoint="http://127.0.0.1:9", region="sa-east-1", credentials=Credentials("a", "b"))
    with pytest.raises(Unavailable, match="s3://lake"):
        store.check()


def test_a_secret_is_not_printed() -> None:
    assert "segredo" not in repr(Credentials("loja", "segredo"))


@pytest.mark.parametrize("url", ["", "lake", "/tmp/lake", "http://host/lake", "s3://", "file://host/lake"])  # noqa: S108 - read, not opened
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"neither file:///folder nor s3://bucket/prefix"):
        store_at(url)


class Recorder(BaseHTTPRequestHandler):
    """Says yes to every object, and keeps how it was sent."""

    seen: list[dict[str, str]]

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("ETag", '"x"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def recorder() -> Iterator[HTTPServer]:
    Recorder.seen = []
    with HTTPServer(("127.0.0.1", 0), Recorder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_new_objects_are_encrypted_with_the_key_that_was_named(recorder: HTTPServer) -> None:
    endpoint = f"http://127.0.0.1:{recorder.server_port}"
    credentials = Credentials("a", "b")
    for kms_key in (None, "arn:aws:kms:sa-east-1:1:key/k"):
        store = store_at("s3://b", endpoint=endpoint, region="sa-east-1", credentials=credentials, kms_key=kms_key)
        store.put("k", b"x")
    plain, encrypted = Recorder.seen
    assert "x-amz-server-side-encryption" not in plain
    assert encrypted["x-amz-server-side-encryption"] == "aws:kms"
    assert encrypted["x-amz-server-side-encryption-aws-kms-key-id"] == "arn:aws:kms:sa-east-1:1:key/k"
