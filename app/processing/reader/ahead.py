"""Blocks on several cores: read and typed while others are screened, and handed on in their order."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
Made = TypeVar("Made")


def one_ahead(blocks: Iterator[T]) -> Iterator[T]:
    """The same blocks in the same order, one always being made in another thread: the first from now on."""
    pool = ThreadPoolExecutor(max_workers=1)
    return _handed_out(blocks, pool, pool.submit(_next, blocks))


def in_order(make: Callable[[T], Made], blocks: Iterator[T], *, at_once: int) -> Iterator[Made]:
    """What is made of each block, in the order of the blocks, `at_once` being made at any time."""
    with ThreadPoolExecutor(at_once) as pool:
        coming: deque[Future[Made]] = deque()
        for block in blocks:
            coming.append(pool.submit(make, block))
            if len(coming) == at_once:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def _handed_out(blocks: Iterator[T], pool: ThreadPoolExecutor, coming: Future[tuple[T, ...]]) -> Iterator[T]:
    with pool:
        while block := coming.result():
            coming = pool.submit(_next, blocks)
            yield block[0]


def _next(blocks: Iterator[T]) -> tuple[T, ...]:
    """The next block in a tuple, empty when there is none: a frame has no truth of its own."""
    return tuple(block for block in [next(blocks, None)] if block is not None)
