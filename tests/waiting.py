"""Waiting for what other threads, processes and machines do in their own time."""

import time
from collections.abc import Callable


def until(holds: Callable[[], object], *, patience_s: float = 30) -> None:
    """Return as soon as it holds; a test whose wait is in vain fails."""
    end = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < end, f"waited {patience_s:g} s in vain"
        time.sleep(0.02)
