"""Files as they come to sheets: opened and recognised from their head and a bounded sample, not yet read."""

import filecmp
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Final

import polars as pl

from app.domain import columns as c
from app.domain.errors import EmptyFile, MissingColumn, UploadTooLarge
from app.domain.uploads import IncomingFile, Table
from app.processing.columns.headings import normalised
from app.processing.columns.matching import Match, match_columns
from app.processing.columns.personal import holds_personal_values, masked, personal_headings
from app.processing.columns.wrong_kinds import refuse_wrong_kind
from app.processing.reader.dialect import find_heading, no_heading, read_head
from app.processing.reader.encoding import LONGEST_LINE, endless_line
from app.processing.reader.opening import TextFile, text_files
from app.processing.reader.raw import write_raw
from app.processing.reader.records import LINE
from app.processing.reader.sampling import sample_of
from app.processing.reader.sheets import ORIGINAL_LINE, ColumnMatch, Dialect, Limits, Sheet
from app.processing.values.styles import with_styles

__all__ = ["recognise", "write_raw"]

FILES_AT_ONCE: Final = 2
Mappings = Mapping[Table, Mapping[str, str]]

_MEGABYTE: Final = 1_000_000
_SHOWN_SAMPLES: Final = 3
_SHOWN_LENGTH: Final = 40
_JUDGED_SAMPLES: Final = 200
_NEEDED: Final[Mapping[Table, tuple[tuple[str, ...], ...]]] = {  # of each group one column is enough
    Table.ITEMS: ((c.ID_VENDA,), (c.SKU, c.DESCRICAO)),
    Table.SALES: ((c.ID_VENDA,), (c.DATA_VENDA,)),
    Table.PRODUCTS: ((c.SKU,), (c.DESCRICAO,)),
}


def recognise(
    files: Sequence[IncomingFile],
    *,
    mappings: Mappings | None = None,
    remembered: Mapping[str, Mapping[str, str]] | None = None,
    limits: Limits | None = None,
    workdir: Path,
) -> tuple[Sheet, ...]:
    """Which table each file is, how it is written, which column is which, and what is personal in it.

    Args:
        files: as they came; ZIPs and workbooks are opened into `workdir`.
        mappings: headings to fields that the customer settled, per table; an empty field leaves a column unused.
            A raw copy has its own (`IncomingFile.settled`), and these do not concern it.
        remembered: headings to fields that were settled before, by a file's `header_hash`; `mappings` go before them.
        limits: what an upload may weigh.
        workdir: a folder of this upload's own.

    Raises:
        EmptyFile: a file has no rows.
        NotATable: a file is no table, or one of its lines has no end.
        MissingColumn: a table lacks a column it cannot do without.
        WrongKindOfFile: a file is something else that shops have, such as a card statement.
        UploadTooLarge: more bytes than an upload may weigh.
    """
    bounds = limits or Limits()
    if sum(file.path.stat().st_size for file in files) > bounds.max_bytes:
        raise UploadTooLarge(limit_mb=bounds.max_bytes // _MEGABYTE)
    texts = _told_apart([text for file in files for text in _texts(file, workdir, bounds)])
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        found = pool.map(lambda text: _recognised(text, mappings or {}, remembered or {}, bounds), texts)
        sheets = _twins_told(list(found), texts)
    _check_dates(sheets)
    return sheets


def _texts(file: IncomingFile, workdir: Path, limits: Limits) -> Iterator[TextFile]:
    """Each file is opened in a folder of its own: two workbooks of one upload may have one name."""
    return text_files(file, workdir=Path(tempfile.mkdtemp(dir=workdir)), limits=limits)


def _told_apart(texts: Sequence[TextFile]) -> list[TextFile]:
    """The files under names of their own (`a.csv`, `a.csv (2)`): a finding knows its file by name."""
    taken = {text.name for text in texts}
    seen: set[str] = set()
    named = []
    for text in texts:
        name = text.name
        if name in seen:
            name = next(other for n in count(2) if (other := f"{text.name} ({n})") not in taken)
        taken.add(name)
        seen.add(name)
        named.append(text._replace(name=name))
    return named


def _recognised(
    file: TextFile, mappings: Mappings, remembered: Mapping[str, Mapping[str, str]], limits: Limits
) -> Sheet:
    with file.path.open("rb") as source:
        head = read_head(source.read(LONGEST_LINE), name=file.name, known_encoding=file.encoding)
    said = (*mappings.values(), *remembered.values()) if file.settled is None else (file.settled,)
    also_known = {normalised(heading) for m in said for heading in m}
    heading = find_heading(head, name=file.name, limits=limits, also_known=also_known)
    if not heading.known:
        refuse_wrong_kind(heading.cells, name=file.name)
        raise no_heading(file.name)
    dialect = Dialect(head.encoding, heading.delimiter, heading.line, heading.height, head.newline)
    unmatched = tuple(ColumnMatch(cell, None, 0.0, ()) for cell in heading.cells)
    table = file.table or Table.ITEMS
    blank = Sheet(table, file.name, file.path, dialect, unmatched, (), tab=file.tab, hidden_tabs=file.hidden_tabs)
    sample = sample_of(blank)
    _check_rows(file, sample.drop(LINE))
    if file.settled is not None:
        settled: Mappings = {table: file.settled}
    else:
        before = remembered.get(blank.header_hash, {})
        settled = {table: {**before, **mappings.get(table, {})} for table in Table}
    return with_styles(_with_columns(blank, sample, file.table, settled), sample)


def _check_rows(file: TextFile, cells: pl.DataFrame) -> None:
    if cells.is_empty() and file.path.stat().st_size > LONGEST_LINE:
        raise endless_line(file.name)
    if cells.is_empty() or cells.null_count().row(0) == (cells.height,) * cells.width:
        raise EmptyFile(file=file.name)


def _with_columns(sheet: Sheet, sample: pl.DataFrame, wanted: Table | None, mappings: Mappings) -> Sheet:
    headings = [column.header for column in sheet.columns]
    personal = _personal(headings, sample)
    found = {
        table: match_columns(headings, sample, table=table, personal=personal, confirmed=mappings.get(table))
        for table in Table
    }
    table = _table(found, wanted)
    _check_columns(sheet, table, found[table], headings)
    columns = tuple(
        _column(heading, found[table].get(place), sample, place, personal=personal[place])
        for place, heading in enumerate(headings)
    )
    hidden = tuple(heading for heading, is_personal in zip(headings, personal, strict=True) if is_personal)
    return replace(sheet, table=table, columns=columns, personal=hidden)


def _personal(headings: Sequence[str], sample: pl.DataFrame) -> list[bool]:
    by_name = personal_headings(headings)
    return [
        heading != ORIGINAL_LINE and (named or holds_personal_values(_values(sample, place)))
        for place, (heading, named) in enumerate(zip(headings, by_name, strict=True))
    ]


def _values(sample: pl.DataFrame, place: int) -> list[str]:
    return sample[str(place)].drop_nulls().head(_JUDGED_SAMPLES).to_list()


def _column(heading: str, match: Match | None, sample: pl.DataFrame, place: int, *, personal: bool) -> ColumnMatch:
    if personal:
        return ColumnMatch(heading, None, 0.0, ())
    shown = _first_different(sample[str(place)].drop_nulls())
    samples = tuple(masked(value[:_SHOWN_LENGTH]) for value in shown)
    return ColumnMatch(heading, match.field if match else None, match.confidence if match else 0.0, samples)


def _first_different(values: pl.Series) -> list[str]:
    near = values.head(_JUDGED_SAMPLES).unique(maintain_order=True)
    found = near if len(near) >= _SHOWN_SAMPLES else values.unique(maintain_order=True)
    return found.head(_SHOWN_SAMPLES).to_list()


# --- which table it is --------------------------------------------------------------------------------------------


def _table(found: Mapping[Table, Mapping[int, Match]], wanted: Table | None) -> Table:
    """The table asked for, unless the file is plainly another one: people drop files into the wrong box."""
    fields = {table: {match.field for match in matches.values()} for table, matches in found.items()}
    guess = _guess(fields)
    is_whole = not _missing(guess, fields[guess])
    if wanted is None or (_missing(wanted, fields[wanted]) and is_whole):
        return guess
    is_flattened = wanted is Table.SALES and guess is Table.ITEMS and is_whole and c.QUANTIDADE in fields[Table.ITEMS]
    return Table.ITEMS if is_flattened else wanted


def _guess(fields: Mapping[Table, set[str]]) -> Table:
    items, sales = fields[Table.ITEMS], fields[Table.SALES]
    names_products = c.SKU in items or c.DESCRICAO in items
    is_of_a_sale = c.ID_VENDA in items or (c.DATA_VENDA in items and c.QUANTIDADE in items)
    lacks_products = c.ID_VENDA in items and c.QUANTIDADE in items and not {c.VALOR_TOTAL, c.SITUACAO} & sales
    if (names_products and is_of_a_sale) or lacks_products:
        return Table.ITEMS
    return Table.SALES if c.ID_VENDA in sales and c.DATA_VENDA in sales else Table.PRODUCTS


def _missing(table: Table, fields: set[str]) -> str | None:
    """The first column without which the table cannot be read; None when all are there."""
    return next((group[0] for group in _NEEDED[table] if not fields.intersection(group)), None)


def _check_columns(sheet: Sheet, table: Table, matches: Mapping[int, Match], headings: Sequence[str]) -> None:
    missing = _missing(table, {match.field for match in matches.values()})
    if missing:
        refuse_wrong_kind(headings, name=sheet.name)
        raise _missing_column(sheet.name, missing, headings)


def _check_dates(sheets: Sequence[Sheet]) -> None:
    """Items need a date of their own, or the sales beside them."""
    if any(sheet.table is Table.SALES for sheet in sheets):
        return
    for sheet in sheets:
        if sheet.table is Table.ITEMS and not sheet.has(c.DATA_VENDA):
            raise _missing_column(sheet.name, c.DATA_VENDA, [column.header for column in sheet.columns])


def _missing_column(name: str, column: str, headings: Sequence[str]) -> MissingColumn:
    found = ", ".join(heading for heading in headings if heading)
    return MissingColumn(file=name, column=column, found=masked(found)[:500])


def _twins_told(sheets: Sequence[Sheet], texts: Sequence[TextFile]) -> tuple[Sheet, ...]:
    """The sheets, of which a second one with the same bytes says which file it repeats.

    One flattened file sent as both sales and items is one file: nobody meant it twice.
    """
    kept: list[tuple[Sheet, Table | None]] = []
    for sheet, text in zip(sheets, texts, strict=True):
        twin = next((pair for pair in kept if _are_twins(pair[0], sheet)), None)
        if twin is None:
            kept.append((sheet, text.table))
        elif None in {text.table, twin[1]} or text.table is twin[1]:
            kept.append((replace(sheet, repeats=twin[0].name), text.table))
    return tuple(sheet for sheet, _ in kept)


def _are_twins(first: Sheet, second: Sheet) -> bool:
    return first.table is second.table and filecmp.cmp(first.path, second.path, shallow=False)
