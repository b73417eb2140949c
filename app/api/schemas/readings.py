"""Forecasts, products, sales and accuracy as the API tells of them."""

import datetime as dt
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from app.domain.forecasts import Level

NextCursor = Annotated[
    str | None, Field(description="Where the next page starts; null: this was the last.", examples=[None])
]


class TotalRow(BaseModel):
    """What one company, category or product sells over a horizon."""

    level: Level = Field(examples=[Level.PRODUCT])
    id: str = Field(description="CNPJ, category or SKU.", examples=["PAO"])
    name: str | None = Field(examples=["Pão francês"])
    horizon_days: int = Field(examples=[30])
    mean: float = Field(description="Expected units.", examples=[391.4])
    p10: float = Field(description="One time in ten it is below this.", examples=[344.0])
    p50: float = Field(examples=[390.0])
    p90: float = Field(description="One time in ten it is above this.", examples=[442.5])
    revenue_mean: float | None = Field(description="Expected revenue in BRL.", examples=[293.55])


class DailyRow(BaseModel):
    """What one company, category or product sells on one day."""

    level: Level = Field(examples=[Level.PRODUCT])
    id: str = Field(description="CNPJ, category or SKU.", examples=["PAO"])
    name: str | None = Field(examples=["Pão francês"])
    date: dt.date
    mean: float = Field(examples=[13.0])
    p10: float = Field(examples=[9.0])
    p50: float = Field(examples=[13.0])
    p90: float = Field(examples=[17.0])


class Reading(BaseModel):
    """What every answer says of where it comes from."""

    cnpj: str = Field(examples=["12ABC34501DE35"])
    run_id: UUID
    last_day: dt.date = Field(description="Last day of history the run saw; forecasts start on the day after.")
    published_at: dt.datetime


class Predictions(Reading):
    """Totals of the next 30, 60 and 90 days, or the days one by one."""

    view: Literal["totals", "daily"]
    rows: list[TotalRow] | list[DailyRow]
    next_cursor: NextCursor


class ProductRow(BaseModel):
    """One product and what it will sell."""

    id: str = Field(description="SKU.", examples=["PAO"])
    name: str | None = Field(examples=["Pão francês"])
    category: str | None = Field(examples=["Padaria"])
    abc: Literal["A", "B", "C"] | None = Field(description="A: the products that make 80 % of a year's revenue.")
    price: float | None = Field(description="BRL, as the catalogue has it.", examples=[0.75])
    last_sale: dt.date | None
    sold_30: float | None = Field(description="Units of the last 30 days of history.", examples=[388.0])
    revenue_365: float | None = Field(description="BRL of the last 365 days of history.", examples=[3526.5])
    trend: float | None = Field(description="Next 30 days beside the last 30: 0.1 is 10 % more.", examples=[0.009])
    mean_30: float | None = Field(
        description="Expected units of the next 30 days; null: not sold yet, and nothing can be said (`reason`).",
        examples=[391.4],
    )
    mean_60: float | None = Field(examples=[782.1])
    mean_90: float | None = Field(examples=[1170.0])
    revenue_mean_30: float | None = Field(description="Expected BRL of the next 30 days.", examples=[293.55])
    revenue_mean_60: float | None = Field(examples=[586.6])
    revenue_mean_90: float | None = Field(examples=[877.5])
    model: str | None = Field(description="What serves the product.", examples=["ensemble"])
    demand_class: str | None = Field(description="How it sells: smooth, intermittent, ...", examples=["smooth"])
    grade: str | None = Field(description="A to D: how far to trust it.", examples=["A"])
    reason: str | None = Field(
        description="Why this grade, and what was noticed; in the language of the reader.", examples=[None]
    )


class Products(Reading):
    """Products, what earns most first."""

    rows: list[ProductRow]
    next_cursor: NextCursor


class SalesRow(BaseModel):
    """What was sold in one period."""

    id: str = Field(description="CNPJ, category or SKU.", examples=["PAO"])
    name: str | None = Field(examples=["Pão francês"])
    date: dt.date = Field(description="First day of the period.")
    quantity: float = Field(description="Units.", examples=[91.0])
    revenue: float = Field(description="BRL.", examples=[68.25])


class Sales(Reading):
    """What was sold, by period."""

    period: Literal["daily", "weekly", "monthly"]
    rows: list[SalesRow]
    next_cursor: NextCursor


class AccuracyRow(BaseModel):
    """How wrong forecasts of this kind were in the backtest. Ratios: 0.12 is 12 %."""

    level: Level = Field(examples=[Level.PRODUCT])
    horizon_days: int = Field(examples=[30])
    model: str = Field(
        description="`quantyfy` is what is served; `seasonal_naive` is what one has without a system; "
        "`mean_56` repeats the mean of the last 56 days; "
        "`equal_average` is the plain average of the models.",
        examples=["quantyfy"],
    )
    mape: float | None = Field(examples=[0.31])
    rmse: float | None = Field(examples=[12.4])
    wape: float | None = Field(description="Sum of misses over sum of sales.", examples=[0.12])
    rmsse: float | None = Field(examples=[0.71])
    bias: float | None = Field(description="Above 0: too high on the whole.", examples=[-0.01])
    coverage: float | None = Field(
        description="Share of totals that fell inside their p10-p90 range; 0.8 is the aim.", examples=[0.81]
    )


class Accuracy(Reading):
    """The backtest of the run that is served."""

    rows: list[AccuracyRow]
    next_cursor: NextCursor
