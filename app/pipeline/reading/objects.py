"""Published objects as frames. They never change, so what was read once is right for as long as it is remembered."""

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

import polars as pl

from app.core.clients import Clients
from app.core.s3 import Store
from app.domain.columns import CATEGORIA, DESCRICAO, ID, PRECO_VENDA, SKU
from app.pipeline.frames import read_frame
from app.pipeline.merging import PRODUCTS
from app.pipeline.publishing import ALL_MONTHS
from app.pipeline.reading.current import Published
from app.pipeline.reading.slices import CATEGORY, NAME

_CATALOGUE = {SKU: pl.String, DESCRICAO: pl.String, CATEGORIA: pl.String, PRECO_VENDA: pl.Float64}
_REMEMBERED_BYTES = 256 << 20


class _Frames:
    """The frames read last, up to a size."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._forgotten = 0  # times: what was begun before is not kept after
        self._lock = Lock()
        self._frames: OrderedDict[tuple[str, str], pl.DataFrame] = OrderedDict()

    def get(self, store: Store, key: str) -> pl.DataFrame:
        """The frame at a key of a store."""
        place = store.url, key
        with self._lock:
            known, before = self._frames.get(place), self._forgotten
            if known is not None:
                self._frames.move_to_end(place)
                return known
        frame = read_frame(store, key)
        with self._lock:
            if self._forgotten == before:
                self._keep(place, frame)
        return frame

    def forget(self, store: Store, folders: Iterable[str]) -> None:
        """Nothing of these folders stays."""
        beginnings = tuple(f"{folder}/" for folder in folders)
        with self._lock:
            self._forgotten += 1
            for url, key in tuple(self._frames):
                if url == store.url and key.startswith(beginnings):
                    self._size -= int(self._frames.pop((url, key)).estimated_size())

    def _keep(self, place: tuple[str, str], frame: pl.DataFrame) -> None:
        if place in self._frames:
            return
        self._frames[place] = frame
        self._size += int(frame.estimated_size())
        while self._size > self._limit and len(self._frames) > 1:
            self._size -= int(self._frames.popitem(last=False)[1].estimated_size())


_frames = _Frames(_REMEMBERED_BYTES)


def remembered(clients: Clients, key: str) -> pl.DataFrame:
    """A frame that fits in memory."""
    return _frames.get(clients.store, key)


def forget_frames(store: Store, folders: Iterable[str]) -> None:
    """Let go of the frames that are remembered of these folders."""
    _frames.forget(store, folders)


def names(clients: Clients, what: Published) -> pl.LazyFrame:
    """What people call each product: id, name, category."""
    return catalogue(clients, what).select(
        pl.col(SKU).alias(ID), pl.col(DESCRICAO).alias(NAME), pl.col(CATEGORIA).alias(CATEGORY)
    )


def catalogue(clients: Clients, what: Published) -> pl.LazyFrame:
    """The company's products, with every column there may be, whatever its files said of them."""
    empty = pl.LazyFrame(schema=_CATALOGUE)
    if (PRODUCTS, ALL_MONTHS) not in what.keys:
        return empty
    return pl.concat([empty, remembered(clients, what.key(PRODUCTS)).lazy()], how="diagonal_relaxed")
