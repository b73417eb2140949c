"""Demand classes by how often and how evenly a product sells (Syntetos, Boylan & Croston, JORS 56, 2005)."""

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

OFTEN = 1.32  # mean days between sales
EVEN = 0.49  # squared variation of a sale's size
ENOUGH_SALES = 4  # days with a sale; under this the two measures say nothing


class DemandClass(StrEnum):
    """How a product sells."""

    SMOOTH = "smooth"
    ERRATIC = "erratic"
    INTERMITTENT = "intermittent"
    LUMPY = "lumpy"
    RARE = "rare"
    UNSOLD = "unsold"  # not one sale yet at that origin


CLASSES = tuple(DemandClass)


def classified(facts: Mapping[str, NDArray[np.float64]]) -> NDArray[np.int64]:
    """Index into CLASSES, for facts of any shape."""
    sales = np.maximum(facts["sales"], 1)
    interval = facts["age"] / sales
    size = facts["units"] / sales
    variation = facts["squares"] / sales / np.maximum(np.square(size), 1e-12) - 1
    often, even = interval < OFTEN, variation < EVEN
    kind = np.where(often, np.where(even, 0, 1), np.where(even, 2, 3))
    kind = np.where(facts["sales"] < ENOUGH_SALES, CLASSES.index(DemandClass.RARE), kind)
    return np.where(facts["sales"] == 0, CLASSES.index(DemandClass.UNSOLD), kind)
