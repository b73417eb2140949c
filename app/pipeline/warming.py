"""An upload and a reading of nobody's, before the first customer comes."""

import tempfile
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import polars as pl
from sqlalchemy.exc import OperationalError

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.s3 import store_at
from app.domain.cnpj import Cnpj
from app.domain.columns import DATE, HORIZON_DAYS, ID, LEVEL, MEAN, P10, P50, P90, REVENUE_MEAN
from app.domain.errors import NotAuthenticated, UnknownCompany
from app.domain.forecasts import Level
from app.domain.uploads import IncomingFile
from app.pipeline.access import caller_of_key
from app.pipeline.companies import Company
from app.pipeline.frames import write_frame
from app.pipeline.publishing import ALL_MONTHS
from app.pipeline.reading.current import Published, published
from app.pipeline.reading.forecasts import daily, totals
from app.pipeline.reading.slices import Slice
from app.pipeline.rendering import Format, render
from app.processing.reader.raw import write_raw
from app.processing.reader.recognition import recognise

_DAY: Final = date(2026, 1, 1)
_ROW: Final = {LEVEL: Level.PRODUCT.value, ID: "1", MEAN: 1.0, P10: 1.0, P50: 1.0, P90: 1.0}
_FRAMES: Final = {"totals": _ROW | {HORIZON_DAYS: 30, REVENUE_MEAN: 1.0}, "forecast": _ROW | {DATE: _DAY}}
_ITEMS: Final = "Pedido;Data;SKU;Descrição;Quantidade\n1;01/01/2026;1;Pão;1\n2;01/01/2026;1;Pão;1\n"
_NOBODY: Final = Company(id=UUID(int=0), cnpj=Cnpj("12ABC34501DE35"), slug="ensaio", name="Ensaio", state=None)


def warm_up(clients: Clients) -> None:
    """Ask for a key, recognise a file, answer in every format: much of what that takes is made at its first use."""
    _ask_for_nobody(clients)
    with tempfile.TemporaryDirectory(prefix="quantyfy-warming-") as name:
        folder = Path(name)
        _take_in(folder)
        _read_out(replace(clients, store=store_at(folder.as_uri())))


def _ask_for_nobody(clients: Clients) -> None:
    """Nobody has this key and this company; the connection, and how the questions are put, stay for the first who asks.

    A database that is away is told by `/health/ready`.
    """
    with suppress(NotAuthenticated, OperationalError):
        caller_of_key(clients, "qk_ensaio", now=datetime.combine(_DAY, datetime.min.time(), UTC))
    with suppress(UnknownCompany, OperationalError):
        published(clients, AccountId(_NOBODY.id), _NOBODY.cnpj)


def _take_in(folder: Path) -> None:
    file = folder / "itens.csv"
    file.write_text(_ITEMS, encoding="utf-8")
    for sheet in recognise([IncomingFile(file.name, file)], workdir=folder):
        write_raw(sheet, folder / "raw.csv")


def _read_out(clients: Clients) -> None:
    for kind, row in _FRAMES.items():
        write_frame(clients.store, kind, pl.DataFrame([row]))
    keys = {(kind, ALL_MONTHS): kind for kind in _FRAMES}
    moment = datetime.combine(_DAY, datetime.min.time(), UTC)
    what = Published(_NOBODY, run=_NOBODY.id, last_day=_DAY, published_at=moment, metrics={}, keys=keys)
    for page in (totals(clients, what, Slice()), daily(clients, what, Slice())):
        for wanted in Format:
            render(page.rows, wanted)
