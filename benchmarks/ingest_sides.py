"""The sides of `ingest.py`, one a process so that each has its own peak of memory: `SIDE FOLDER OUT`."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from resident import resident_kb

from app.domain.uploads import IncomingFile, Table
from app.pipeline.frames import write_parquet
from app.pipeline.merging import ITEMS, PRODUCTS, write_changes
from app.pipeline.publishing import Publication
from app.processing.cleaner.preparing import prepare
from app.processing.reader.recognition import recognise
from app.processing.reader.sheets import Limits

TODAY = date(2026, 11, 22)
FEW_LINES = 200


@dataclass(frozen=True)
class FolderShelf:
    """A company's frames in a folder; the story's own, but for the lake's care that nothing is lost in a power cut."""

    folder: Path

    def read(self, key: str) -> pl.DataFrame:
        """A frame."""
        return pl.read_parquet(self.folder / key)

    def scan(self, key: str) -> pl.LazyFrame:
        """A frame of which only what is asked for is read."""
        return pl.scan_parquet(self.folder / key, glob=False)

    def write(self, frame: pl.DataFrame, *, kind: str, month: str) -> Publication:
        """A file under its kind and month, in the place of an earlier one once that is read."""
        key = f"{kind}-{month}.parquet" if month else f"{kind}.parquet"
        write_parquet(frame, self.folder / f"{key}.draft")
        (self.folder / f"{key}.draft").replace(self.folder / key)
        return Publication(kind, month, key)


def ours(folder: Path, out: Path) -> dict[str, int]:
    """Raw CSV to processed Parquet as the story does it: what is in `out` already is what was published before."""
    files = [IncomingFile(f"{table}.csv", folder / f"{table}.csv", table) for table in Table]
    prepared = prepare(recognise(files, workdir=out, limits=Limits(max_bytes=2_000_000_000)), today=TODAY, workdir=out)
    months = {path.stem.removeprefix(f"{ITEMS}-"): path.name for path in sorted(out.glob(f"{ITEMS}-*.parquet"))}
    catalogue = next((path.name for path in out.glob(f"{PRODUCTS}.parquet")), None)
    changes = write_changes(FolderShelf(out), prepared, months=months, catalogue=catalogue)
    report = prepared.report() | {"lines": changes.lines._asdict()}
    (out / "report.json").write_text(json.dumps(report, ensure_ascii=False))
    return dict(prepared.counts[Table.ITEMS]._asdict()) | changes.lines._asdict()


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


def warm_up(side: Callable[[Path, Path], dict[str, int]], folder: Path) -> None:
    """The first lines of the files, so that what a process does once is no part of any side's job: workers live on."""
    with TemporaryDirectory() as place:
        few, out = Path(place) / "few", Path(place) / "out"
        few.mkdir()
        out.mkdir()
        for table in Table:
            with (folder / f"{table}.csv").open("rb") as source:
                (few / f"{table}.csv").write_bytes(b"".join(islice(source, FEW_LINES)))
        side(few, out)


def main() -> None:
    """One side, timed."""
    side, folder, out = sys.argv[1:]
    if side in PEERS:
        import_module(side)
    warm_up(SIDES[side], Path(folder))
    start = time.perf_counter()
    rows = SIDES[side](Path(folder), Path(out))
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": resident_kb("VmHWM") / 1024, "rows": rows}))


if __name__ == "__main__":
    main()
