"""A reading of nobody's forecast, before the first reader comes."""

import tempfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import polars as pl

from app.core.clients import Clients
from app.core.s3 import Store
from app.domain.cnpj import Cnpj
from app.domain.columns import DATE, HORIZON_DAYS, ID, LEVEL, MEAN, P10, P50, P90, REVENUE_MEAN
from app.domain.forecasts import Level
from app.pipeline.companies import Company
from app.pipeline.frames import write_frame
from app.pipeline.publishing import ALL_MONTHS
from app.pipeline.reading.current import Published
from app.pipeline.reading.forecasts import daily, totals
from app.pipeline.reading.slices import Slice
from app.pipeline.rendering import Format, render

_DAY: Final = date(2026, 1, 1)
_ROW: Final = {LEVEL: Level.PRODUCT.value, ID: "1", MEAN: 1.0, P10: 1.0, P50: 1.0, P90: 1.0}
_FRAMES: Final = {"totals": _ROW | {HORIZON_DAYS: 30, REVENUE_MEAN: 1.0}, "forecast": _ROW | {DATE: _DAY}}
_NOBODY: Final = Company(id=UUID(int=0), cnpj=Cnpj("12ABC34501DE35"), slug="ensaio", name="Ensaio")


def rehearse(clients: Clients) -> None:
    """Answer in every format once: much of what that takes comes from the disk only when it is first used."""
    with tempfile.TemporaryDirectory(prefix="quantyfy-rehearsal-") as folder:
        stage = replace(clients, store=Store.open(Path(folder).as_uri()))
        for kind, row in _FRAMES.items():
            write_frame(stage.store, kind, pl.DataFrame([row]))
        keys = {(kind, ALL_MONTHS): kind for kind in _FRAMES}
        moment = datetime.combine(_DAY, datetime.min.time(), UTC)
        what = Published(_NOBODY, run=_NOBODY.id, last_day=_DAY, published_at=moment, metrics={}, keys=keys)
        for page in (totals(stage, what, Slice()), daily(stage, what, Slice())):
            for wanted in Format:
                render(page.rows, wanted)
