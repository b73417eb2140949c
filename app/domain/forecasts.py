"""Levels, horizons and quantiles of a forecast."""

from enum import IntEnum, StrEnum
from typing import Final

DAYS_AHEAD: Final = 90
QUANTILES: Final = (0.1, 0.5, 0.9)
OURS: Final = "quantyfy"  # how the accuracy table names what is served
BASELINE: Final = "seasonal_naive"  # and what a shop gets without any system
AVERAGE: Final = "equal_average"  # and the plain average of the models, which weights have to beat
NO_CATEGORY: Final = "Sem categoria"


class Horizon(IntEnum):
    """How many days after the last day of history a total is of."""

    MONTH = 30
    TWO_MONTHS = 60
    QUARTER = 90


HORIZONS: Final = tuple(int(horizon) for horizon in Horizon)


class Level(StrEnum):
    """What a forecast is about. Categories sum to the company; products and new products sum to their category."""

    COMPANY = "company"
    CATEGORY = "category"
    PRODUCT = "product"
    NEW_PRODUCTS = "new_products"
