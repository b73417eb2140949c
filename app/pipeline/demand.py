"""The company's sales as the forecaster takes them, put together from what preparation wrote."""

from datetime import date

import polars as pl

from app.domain.cnpj import Cnpj
from app.domain.columns import CATEGORIA, DATE, DESCRICAO, PRECO_VENDA, QUANTITY, SKU, UNIDADE
from app.domain.errors import NothingToForecast
from app.domain.states import State
from app.ml.demand import Demand

_CATALOGUE = {
    SKU: pl.String,
    DESCRICAO: pl.String,
    CATEGORIA: pl.String,
    PRECO_VENDA: pl.Float64,
    UNIDADE: pl.String,
}


def assemble_demand(
    daily: pl.DataFrame,
    products: pl.DataFrame | None,
    *,
    company: Cnpj,
    state: State | None = None,
    as_of: date | None = None,
) -> Demand:
    """Product x day demand up to `as_of` (or the last sale), with a catalogue even where no `produtos` was sent.

    Raises:
        NothingToForecast: nothing was sold by then.
    """
    seen = daily if as_of is None else daily.filter(pl.col(DATE) <= as_of)
    sold = seen.filter(pl.col(QUANTITY) > 0)
    if sold.is_empty():
        raise NothingToForecast
    days = sold.select(first=pl.col(DATE).min(), last=pl.col(DATE).max()).row(0)
    return Demand(
        daily=seen,
        products=_catalogue(products),
        first=days[0],
        last=as_of or days[1],
        company=company.text,
        state=state,
    )


def _catalogue(products: pl.DataFrame | None) -> pl.DataFrame:
    known = pl.DataFrame(schema=_CATALOGUE) if products is None else products
    return known.select(
        known[name].cast(kind) if name in known else pl.lit(None, kind).alias(name) for name, kind in _CATALOGUE.items()
    )
