"""Copies of objects on this machine: right, whole, bounded, shared by processes; on the real S3 server."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import polars as pl
import pytest

from app.core.copies import Copies
from app.core.s3 import Store, store_at
from app.domain.errors import STORAGE, ObjectMissing, Unavailable
from app.pipeline.frames import read_frame, scan_frame, write_frame
from tests.relay import Road, road_to
from tests.s3_server import S3Server

KEY = "predictions/padaria/11222333000181/2025/07/forecast_2025-07-19.parquet"
MANY = pl.DataFrame({"id": [f"P{row // 90:05}" for row in range(90 * 4000)], "mean": range(90 * 4000)}).with_columns(
    noise=pl.col("mean").hash()  # which no compression makes small
)


class Far(NamedTuple):
    """A bucket at the end of a road that counts what it carries, and this machine's copies of it."""

    store: Store
    road: Road
    copies: Copies
    folder: Path

    @property
    def taken(self) -> int:
        """What is finished first: a copy that is finished meanwhile is not counted twice."""
        total = 0
        for path in (*(self.folder / "objects").rglob("*"), *(self.folder / "drafts").rglob("*")):
            with suppress(FileNotFoundError):
                total += 0 if path.is_dir() else path.stat().st_size
        return total


@pytest.fixture
def road(s3_server: S3Server) -> Iterator[Road]:
    with road_to(s3_server.endpoint) as road:
        yield road


@pytest.fixture
def far(road: Road, s3_server: S3Server, tmp_path: Path) -> Far:
    return far_away(road, s3_server, tmp_path, limit=40_000_000)


def far_away(road: Road, s3_server: S3Server, folder: Path, *, limit: int) -> Far:
    copies = Copies(folder / "copies", limit=limit)
    store = store_at(
        f"s3://{s3_server.bucket}/{uuid4()}",
        endpoint=road.endpoint,
        region="sa-east-1",
        credentials=s3_server.credentials,
        copies=copies,
    )
    return Far(store, road, copies, folder / "copies")


def days_of(frame: pl.LazyFrame, product: str) -> list[int]:
    return frame.filter(pl.col("id") == product).collect()["mean"].to_list()


def test_what_was_read_once_is_read_from_this_machine(far: Far) -> None:
    write_frame(far.store, KEY, MANY)
    assert read_frame(far.store, KEY).equals(MANY)
    before = far.road.carried
    assert read_frame(far.store, KEY).equals(MANY)
    assert days_of(scan_frame(far.store, KEY), "P00017") == list(range(17 * 90, 18 * 90))
    assert far.road.carried == before, "nothing more was asked of S3"
    assert far.copies.keys() == [KEY]


def test_without_copies_a_slice_takes_its_row_groups_from_s3_and_no_more(road: Road, s3_server: S3Server) -> None:
    store = store_at(
        f"s3://{s3_server.bucket}/{uuid4()}",
        endpoint=road.endpoint,
        region="sa-east-1",
        credentials=s3_server.credentials,
    )
    write_frame(store, KEY, MANY)
    size, before = store.head(KEY).size, road.carried
    assert days_of(scan_frame(store, KEY), "P03999") == list(range(3999 * 90, 4000 * 90))
    assert 0 < road.carried - before < size / 3


def test_an_object_that_is_large_for_the_room_is_not_copied_but_sliced(
    road: Road, s3_server: S3Server, tmp_path: Path
) -> None:
    far = far_away(road, s3_server, tmp_path, limit=4_000_000)
    write_frame(far.store, KEY, MANY)
    assert far.store.head(KEY).size > 1_000_000
    assert days_of(scan_frame(far.store, KEY), "P00017") == list(range(17 * 90, 18 * 90))
    assert read_frame(far.store, KEY).equals(MANY)
    assert far.copies.keys() == []


def test_the_room_is_never_overfull_and_what_was_used_last_stays(
    road: Road, s3_server: S3Server, tmp_path: Path
) -> None:
    far = far_away(road, s3_server, tmp_path, limit=100_000)
    keys = [f"raw/a/{at}" for at in range(8)]
    for at, key in enumerate(keys):
        far.store.put(key, bytes(20_000))
        far.store.put(f"{key}.more", bytes(20_000))
        for wanted in (key, keys[0], f"{key}.more"):  # the first of all is used all the time
            time.sleep(0.002)
            with opened(far.store, wanted) as file:
                assert file.read() == bytes(20_000)
            assert far.taken <= 100_000
        assert keys[0] in far.copies.keys()  # noqa: SIM118  a list of them
        assert len(far.copies.keys()) == min(5, 2 * (at + 1))


def test_several_processes_share_one_folder_and_its_bound(s3_server: S3Server, road: Road, tmp_path: Path) -> None:
    far = far_away(road, s3_server, tmp_path, limit=300_000)
    for at in range(12):
        far.store.put(f"raw/{at}", bytes([at]) * 50_000)
    readers = [
        subprocess.Popen([sys.executable, "-c", READER, far.store.url, s3_server.endpoint, str(far.folder), str(seed)])
        for seed in range(4)
    ]
    seen = []
    while any(reader.poll() is None for reader in readers):
        seen.append(far.taken)
        time.sleep(0.005)
    assert [reader.returncode for reader in readers] == [0, 0, 0, 0]
    assert 0 < max(seen) <= 300_000
    assert list((far.folder / "drafts").iterdir()) == []


READER = """
import random, sys
from pathlib import Path
from app.core.copies import Copies
from app.core.s3 import Credentials, Store, store_at
url, endpoint, folder, seed = sys.argv[1:]
secret = Credentials("loja", "segredo-da-loja")
copies = Copies(Path(folder), limit=300_000)
store = store_at(url, endpoint=endpoint, region="sa-east-1", credentials=secret, copies=copies)
order = random.Random(int(seed))
for _ in range(150):
    at = order.randrange(12)
    file = store.local(f"raw/{at}")
    content = store.get(f"raw/{at}") if file is None else file.read()
    assert content == bytes([at]) * 50_000
    if file:
        file.close()
"""


def test_many_who_want_the_same_at_once_fetch_it_once(far: Far) -> None:
    write_frame(far.store, KEY, MANY)
    size, before = far.store.head(KEY).size, far.road.carried
    with ThreadPoolExecutor(16) as pool:
        frames = list(pool.map(lambda _: read_frame(far.store, KEY), range(16)))
    assert all(frame.equals(MANY) for frame in frames)
    assert far.road.carried - before < 2 * size


def test_a_reader_keeps_what_was_opened_whatever_becomes_of_the_copy(far: Far) -> None:
    write_frame(far.store, KEY, MANY)
    query = scan_frame(far.store, KEY)
    far.store.forget(["predictions/padaria/11222333000181"])
    assert far.copies.keys() == []
    assert days_of(query, "P00017") == list(range(17 * 90, 18 * 90))


def test_what_is_forgotten_is_gone_with_the_companys_name_and_nothing_of_another_goes(far: Far) -> None:
    mine, other = "processed/padaria/11222333000181", "processed/padaria/11222333000262"
    for key in (f"{mine}/2025/01/a", f"{mine}/b", f"{other}/2025/01/a", "processed/padaria-2/11222333000181/c"):
        far.store.put(key, b"x")
        opened(far.store, key).close()
    far.store.forget([mine, "raw/nobody", "processed/padaria-2/11222333000181"])
    assert far.copies.keys() == [f"{other}/2025/01/a"]
    names = {name for root, folders, files in os.walk(far.folder) for name in (*folders, *files)}
    assert not names & {"11222333000181", "padaria-2"}


def test_what_is_forgotten_while_it_is_copied_does_not_stay(far: Far) -> None:
    far.store.put("raw/padaria/a", bytes(3_000_000))
    fetched, go_on = threading.Event(), threading.Event()

    def slowly() -> tuple[int, Iterator[bytes]]:
        size, pieces = far.store._sized("raw/padaria/a")  # type: ignore[attr-defined]
        fetched.set()
        assert go_on.wait(10)
        return size, pieces

    with ThreadPoolExecutor(1) as pool:
        copying = pool.submit(far.copies.open, "raw/padaria/a", slowly)
        assert fetched.wait(10)
        far.store.forget(["raw/padaria"])
        go_on.set()
        assert copying.result() is None
    assert far.copies.keys() == []
    assert far.taken == 0


def test_a_removed_object_takes_its_copy_along(far: Far) -> None:
    for key in ("raw/a", "raw/b"):
        far.store.put(key, b"x")
        opened(far.store, key).close()
    far.store.delete(["raw/a"])
    assert far.copies.keys() == ["raw/b"]
    with pytest.raises(ObjectMissing):
        far.store.local("raw/a")


def test_what_another_machine_removed_meanwhile_is_found_by_asking_the_lake(far: Far, s3_server: S3Server) -> None:
    for key in ("raw/a/1", "raw/a/2", "raw/b/1"):
        far.store.put(key, b"x")
        opened(far.store, key).close()
    elsewhere = s3_server.store(far.store.url.rpartition("/")[2])
    elsewhere.delete(["raw/a/1", "raw/b/1"])
    assert len(far.copies.keys()) == 3
    far.store.forget_lost()
    assert far.copies.keys() == ["raw/a/2"]


def test_an_object_that_breaks_off_leaves_no_copy(tmp_path: Path) -> None:
    copies = Copies(tmp_path, limit=1000)

    def cut() -> tuple[int, Iterator[bytes]]:
        return 100, iter([bytes(40)])

    def broken() -> tuple[int, Iterator[bytes]]:
        return 100, (_fail() if at else bytes(40) for at in range(2))

    assert copies.open("a", cut) is None
    with pytest.raises(Unavailable):
        copies.open("a", broken)
    assert copies.keys() == []
    assert list((tmp_path / "drafts").iterdir()) == []


def test_what_a_dead_process_left_half_done_goes_in_time(tmp_path: Path) -> None:
    copies = Copies(tmp_path, limit=1000)
    left = tmp_path / "drafts" / "left"
    left.write_bytes(bytes(900))
    assert copies.open("a", lambda: (200, iter([bytes(200)]))) is None, "it counts while it may be alive"
    os.utime(left, (0, 0))
    made = copies.open("a", lambda: (200, iter([bytes(200)])))
    assert made is not None
    made.close()
    assert not left.exists()


def test_a_disk_that_takes_nothing_more_is_no_reason_not_to_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one thing that no real part can be made to do here: a full disk."""
    copies = Copies(tmp_path, limit=1000)
    monkeypatch.setattr(os, "fsync", _full)
    assert copies.open("a", lambda: (200, iter([bytes(200)]))) is None
    assert list((tmp_path / "drafts").iterdir()) == []


def test_copies_are_for_this_user_alone(far: Far) -> None:
    far.store.put("raw/a/1", b"x")
    opened(far.store, "raw/a/1").close()
    assert far.folder.stat().st_mode & 0o077 == 0
    assert [path.stat().st_mode & 0o777 for path in far.folder.rglob("*") if path.name == "1"] == [0o600]


def opened(store: Store, key: str):  # type: ignore[no-untyped-def]  # noqa: ANN201  a binary file
    file = store.local(key)
    assert file is not None
    return file


def _fail() -> bytes:
    raise Unavailable(part=STORAGE, where="s3")


def _full(_: int) -> None:
    raise OSError(28, "No space left on device")
