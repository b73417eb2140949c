"""Work done ahead of time: the next block is read and typed while this one is screened."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def one_ahead(blocks: Iterator[T]) -> Iterator[T]:
    """The same blocks in the same order, one always being made in another thread: the first from now on."""
    pool = ThreadPoolExecutor(max_workers=1)
    return _handed_out(blocks, pool, pool.submit(_next, blocks))


def _handed_out(blocks: Iterator[T], pool: ThreadPoolExecutor, coming: Future[tuple[T, ...]]) -> Iterator[T]:
    with pool:
        while block := coming.result():
            coming = pool.submit(_next, blocks)
            yield block[0]


def _next(blocks: Iterator[T]) -> tuple[T, ...]:
    """The next block in a tuple, empty when there is none: a frame has no truth of its own."""
    return tuple(block for block in [next(blocks, None)] if block is not None)
