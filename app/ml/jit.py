"""Compile a function to machine code once and keep the result on disk where some folder can be written."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")

# sums may be reordered into SIMD lanes; NaN and infinity keep their meaning
SAFE_FAST_MATH = {"reassoc", "contract", "nsz"}


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile `function` without the GIL, cached beside the source, in the user's cache or in NUMBA_CACHE_DIR.

    On a read-only system with none of these, numba refuses to cache with RuntimeError; the function is then compiled
    afresh in each process, which costs seconds but changes no number.
    """
    try:
        compiled = njit(function, cache=True, nogil=True, fastmath=SAFE_FAST_MATH)
    except RuntimeError:
        compiled = njit(function, nogil=True, fastmath=SAFE_FAST_MATH)
    return cast("Callable[P, R]", compiled)
