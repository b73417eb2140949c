"""The sides of `ingest.py`, one a process so that each has its own peak of memory: `SIDE FOLDER OUT`."""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from importlib import import_module
from pathlib import Path

import polars as pl
from resident import resident_kb

from app.domain.uploads import IncomingFile, Table
from app.pipeline.frames import write_parquet
from app.processing.cleaner.merging import NO_LINES, merge
from app.processing.cleaner.preparing import MONTHS_AT_ONCE, Prepared, prepare
from app.processing.feature_engineering import daily_demand
from app.processing.reader.recognition import recognise
from app.processing.reader.sheets import Limits

TODAY = date(2026, 11, 22)


def ours(folder: Path, out: Path) -> dict[str, int]:
    """Raw CSV to processed Parquet: recognised, screened, cleaned, reported; months merged into what `out` has."""
    prepared = prepared_from(folder, out)
    write_months(prepared, out)
    (out / "report.json").write_text(json.dumps(prepared.report(), ensure_ascii=False))
    return dict(prepared.counts[Table.ITEMS]._asdict())


def prepared_from(folder: Path, out: Path) -> Prepared:
    """The three files of a folder, prepared."""
    files = [IncomingFile(f"{table}.csv", folder / f"{table}.csv", table) for table in Table]
    return prepare(recognise(files, workdir=out, limits=Limits(max_bytes=2_000_000_000)), today=TODAY, workdir=out)


def write_months(prepared: Prepared, out: Path) -> None:
    """The lines and the demand of each month, two months at once as the story does, and the products."""

    def write(month: tuple[int, int]) -> None:
        name = f"{month[0]}-{month[1]:02}.parquet"
        path = out / f"itens-{name}"
        merged = merge(pl.read_parquet(path) if path.exists() else NO_LINES, prepared.lines(month))
        write_parquet(merged.lines, path)
        write_parquet(daily_demand(merged.lines), out / f"features-{name}")

    with ThreadPoolExecutor(MONTHS_AT_ONCE) as pool:
        list(pool.map(write, prepared.months))
    write_products(prepared, out / "produtos.parquet")


def write_products(prepared: Prepared, path: Path) -> None:
    """The catalogue, unless it says what the last one said: the story, too, leaves that alone."""
    products = prepared.products
    if products is not None and not (path.exists() and products.equals(pl.read_parquet(path))):
        write_parquet(products, path)


def bare_polars(folder: Path, out: Path) -> dict[str, int]:
    """The floor: the same files read and written, nothing looked at."""
    for table in Table:
        frame = pl.read_csv(
            folder / f"{table}.csv", separator=";", decimal_comma=True, encoding="windows-1252", ignore_errors=True
        )
        frame.write_parquet(out / f"{table}.parquet")
    return {}


def pandas(folder: Path, out: Path) -> dict[str, int]:
    """The same job as one would write it in pandas, without line numbers, reasons or report."""
    import pandas as pd  # noqa: PLC0415  the other sides do without it

    sales, items, products = (
        pd.read_csv(folder / f"{table}.csv", sep=";", encoding="cp1252", dtype=str) for table in Table
    )
    sales["data_venda"] = pd.to_datetime(
        sales["Data da venda"], format="%d/%m/%Y %H:%M:%S", errors="coerce"
    ).dt.normalize()
    for column in ("Quantidade", "Valor unitário", "Desconto", "Valor total"):
        items[column] = pd.to_numeric(items[column].str.replace(",", ".", regex=False), errors="coerce")
    kept = items[items["Código do produto"].notna() & items["Quantidade"].notna() & (items["Quantidade"] != 0)]
    lines = kept.merge(sales.drop_duplicates("Número do pedido", keep="last"), on="Número do pedido", how="inner")
    lines["linha"] = lines.groupby(["Número do pedido", "Código do produto"]).cumcount() + 1
    for month, part in lines.groupby(lines["data_venda"].dt.strftime("%Y-%m")):
        part.to_parquet(out / f"itens-{month}.parquet")
        demand = part.groupby(["Código do produto", "data_venda"], as_index=False)[
            ["Quantidade", "Valor total_x"]
        ].sum()
        demand.to_parquet(out / f"features-{month}.parquet")
    products.to_parquet(out / "produtos.parquet")
    return {"accepted": len(lines)}


def frictionless(folder: Path, out: Path) -> dict[str, int]:  # noqa: ARG001  it only validates
    """Frictionless `validate` of the items alone: types and required values, its best-known strength."""
    from frictionless import Dialect, Resource, Schema, fields, formats  # noqa: PLC0415  as above

    schema = Schema(
        fields=[
            fields.StringField(name="Número do pedido", constraints={"required": True}),
            fields.StringField(name="Código do produto", constraints={"required": True}),
            fields.NumberField(name="Quantidade", decimal_char=",", constraints={"required": True}),
            fields.NumberField(name="Valor unitário", decimal_char=","),
            fields.NumberField(name="Desconto", decimal_char=","),
            fields.NumberField(name="Valor total", decimal_char=","),
        ]
    )
    dialect = Dialect(controls=[formats.CsvControl(delimiter=";")])
    resource = Resource("vendas_itens.csv", basepath=str(folder), encoding="cp1252", dialect=dialect, schema=schema)
    report = resource.validate(limit_errors=100_000)
    return {"errors": report.stats["errors"]}


SIDES: dict[str, Callable[[Path, Path], dict[str, int]]] = {
    side.__name__: side for side in (ours, bare_polars, pandas, frictionless)
}

PEERS = ("pandas", "frictionless")


def main() -> None:
    """One side, timed."""
    side, folder, out = sys.argv[1:]
    if side in PEERS:
        import_module(side)  # what a process pays once is no part of the job, for ours as for theirs
    start = time.perf_counter()
    rows = SIDES[side](Path(folder), Path(out))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": resident_kb("VmHWM") / 1024, "rows": rows}))


if __name__ == "__main__":
    main()
