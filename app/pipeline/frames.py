"""Frames to objects and back: Parquet in the lake, Polars in the stories."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from app.core.s3 import Store

# Small enough that one product's days are read without the rest of the file, large enough to compress well.
_ROWS_A_GROUP = 65_536
_COMPRESSION = 1  # Zstandard: level 3 takes a tenth longer to write, for files a twentieth smaller


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """A frame as every Parquet file of the lake is written."""
    frame.write_parquet(path, compression="zstd", compression_level=_COMPRESSION, row_group_size=_ROWS_A_GROUP)


def write_frame(store: Store, key: str, frame: pl.DataFrame) -> None:
    """Put a frame at a new key, as Parquet.

    Raises:
        ObjectExists: something is there already.
    """
    with tempfile.TemporaryDirectory(prefix="quantyfy-frame-") as folder:
        path = Path(folder) / "frame.parquet"
        write_parquet(frame, path)
        store.put(key, path)


def read_frame(store: Store, key: str) -> pl.DataFrame:
    """The frame at a key.

    Raises:
        ObjectMissing: nothing is there.
    """
    file = store.local(key)
    if file is None:
        return pl.read_parquet(store.get(key))
    with file:
        return pl.read_parquet(file)


def read_frames(store: Store, keys: Iterable[str]) -> pl.DataFrame:
    """The frames at some keys, one under the other."""
    return pl.concat([read_frame(store, key) for key in keys], how="diagonal_relaxed")


def scan_frame(store: Store, key: str) -> pl.LazyFrame:
    """The frame at a key, of which a query reads only the columns and row groups it needs.

    Raises:
        ObjectMissing: nothing is there; in a bucket without copies it is the query that finds out.
    """
    file = store.local(key)
    if file is not None:
        with file:  # Polars opens it once more for itself: what it reads stays, whatever becomes of the name
            return pl.scan_parquet(file, glob=False)
    source = store.scan_source(key)
    return pl.scan_parquet(source.url, storage_options=source.options, glob=False)
