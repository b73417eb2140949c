"""Levels, horizons and quantiles of a forecast."""

from enum import StrEnum
from typing import Final

DAYS_AHEAD: Final = 90
HORIZONS: Final = (30, 60, 90)
QUANTILES: Final = (0.1, 0.5, 0.9)
OURS: Final = "quantyfy"  # how the accuracy table names what is served
BASELINE: Final = "seasonal_naive"  # and what a shop gets without any system
NO_CATEGORY: Final = "Sem categoria"


class Level(StrEnum):
    """What a forecast is about. Categories sum to the company; products and new products sum to their category."""

    COMPANY = "company"
    CATEGORY = "category"
    PRODUCT = "product"
    NEW_PRODUCTS = "new_products"
