"""Forecasts, products, sales and accuracy as the API tells of them."""

import datetime as dt
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.domain.forecasts import Level


class TotalRow(BaseModel):
    """What one company, category or product sells over a horizon."""

    level: Level
    id: str
    name: str | None
    horizon_days: int = Field(examples=[30])
    mean: float = Field(description="Expected units.")
    p10: float = Field(description="One time in ten it is below this.")
    p50: float
    p90: float = Field(description="One time in ten it is above this.")
    revenue_mean: float | None = Field(description="Expected revenue in BRL.")


class DailyRow(BaseModel):
    """What one company, category or product sells on one day."""

    level: Level
    id: str
    name: str | None
    date: dt.date
    mean: float
    p10: float
    p50: float
    p90: float


class Reading(BaseModel):
    """What every answer says of where it comes from."""

    cnpj: str
    run_id: UUID
    last_day: dt.date = Field(description="Last day of history the run saw; forecasts start on the day after.")
    published_at: dt.datetime


class Predictions(Reading):
    """Totals of the next 30, 60 and 90 days, or the days one by one."""

    view: Literal["totals", "daily"]
    rows: list[TotalRow] | list[DailyRow]
    next_cursor: str | None


class ProductRow(BaseModel):
    """One product and what it will sell."""

    id: str
    name: str | None
    category: str | None
    abc: Literal["A", "B", "C"] | None = Field(description="A: the products that make 80 % of a year's revenue.")
    price: float | None = Field(description="BRL, as the catalogue has it.")
    last_sale: dt.date | None
    sold_30: float | None = Field(description="Units of the last 30 days of history.")
    revenue_365: float | None = Field(description="BRL of the last 365 days of history.")
    trend: float | None = Field(description="Next 30 days beside the last 30: 0.1 is 10 % more.")
    mean_30: float
    mean_60: float
    mean_90: float
    revenue_mean_30: float | None
    revenue_mean_60: float | None
    revenue_mean_90: float | None
    model: str | None = Field(description="What serves the product.")
    demand_class: str | None = Field(description="How it sells: smooth, intermittent, ...")
    grade: str | None = Field(description="A to D: how far to trust it.")
    reason: str | None


class Products(Reading):
    """Products, what earns most first."""

    rows: list[ProductRow]
    next_cursor: str | None


class SalesRow(BaseModel):
    """What was sold in one period."""

    id: str
    name: str | None
    date: dt.date = Field(description="First day of the period.")
    quantity: float
    revenue: float


class Sales(Reading):
    """What was sold, by period."""

    period: Literal["daily", "weekly", "monthly"]
    rows: list[SalesRow]
    next_cursor: str | None


class AccuracyRow(BaseModel):
    """How wrong forecasts of this kind were in the backtest. Ratios: 0.12 is 12 %."""

    level: Level
    horizon_days: int
    model: str = Field(description="`quantyfy` is what is served; `seasonal_naive` is what one has without a system.")
    mape: float | None
    rmse: float | None
    wape: float | None
    rmsse: float | None
    bias: float | None
    coverage: float | None = Field(description="Share of totals that fell inside their p10-p90 range; 0.8 is the aim.")


class Accuracy(Reading):
    """The backtest of the run that is served."""

    rows: list[AccuracyRow]
    next_cursor: str | None
