"""One clean table of sales: repeated lines told apart, and later uploads merged into earlier ones.

A line is known by branch, sale, product and `linha`: the item number where the export has one, else which occurrence of
the product in the sale it is. A later upload's line replaces an earlier one of the same key, so uploading a file twice
changes nothing.
"""

import operator
from functools import reduce
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from app.domain import columns as c
from app.processing.reader.records import LINE
from app.processing.reader.sheets import SHEET

KEY: Final = (c.LOJA, c.ID_VENDA, c.SKU, c.LINHA)
SCHEMA: Final = {
    c.ID_VENDA: pl.String,
    c.LINHA: pl.UInt32,
    c.DATA_VENDA: pl.Date,
    c.SITUACAO: pl.String,
    c.SKU: pl.String,
    c.DESCRICAO: pl.String,
    c.QUANTIDADE: pl.Float64,
    c.QUANTIDADE_DEVOLVIDA: pl.Float64,
    c.UNIDADE: pl.String,
    c.PRECO_UNITARIO: pl.Float64,
    c.VALOR_TOTAL: pl.Float64,
    c.CANAL: pl.String,
    c.LOJA: pl.String,
}
NO_LINES: Final = pl.DataFrame(schema=SCHEMA)
_FOLDED: Final = "folded"
_HASH: Final = "hash"
_FOLDED_KEY: Final = (c.LOJA, c.ID_VENDA, _FOLDED, c.LINHA)
_PLACE: Final = (SHEET, LINE, c.SKU)
_SALE: Final = (c.LOJA, c.ID_VENDA)
_CONTENT: Final = (c.QUANTIDADE, c.PRECO_UNITARIO, c.VALOR_TOTAL)
TOLD_APART_BY: Final = (*_PLACE, *_SALE, c.LINHA, *_CONTENT)


class Keys(NamedTuple):
    """What gives every line of a month a key of its own: its number, and whether it counts (None: all do)."""

    numbers: pl.Series
    kept: pl.Series | None

    def given_to(self, lines: pl.DataFrame) -> pl.DataFrame:
        """The month's lines that count, each with its number."""
        given = lines.with_columns(self.numbers)
        return given if self.kept is None else given.filter(self.kept)

    @property
    def height(self) -> int:
        """How many lines count."""
        return len(self.numbers) if self.kept is None else int(self.kept.sum())


class Numbered(NamedTuple):
    """The keys of a month's lines, and where others stood: `sheet`, `line`, `sku`."""

    keys: Keys
    repeated: pl.DataFrame  # replaced by later ones
    identical: pl.DataFrame  # kept, and may be doubles


class Merged(NamedTuple):
    """A month after an upload."""

    lines: pl.DataFrame
    already_there: int  # lines of the upload whose key existed
    added: int
    changed: int  # of those already there, how many say something else now


def numbered(lines: pl.DataFrame) -> Numbered:
    """The key of each line of a month, from the columns `TOLD_APART_BY`.

    Of lines with the same item number the last counts. Lines without a number are told apart by occurrence within their
    file, and a later file's replace an earlier one's.
    """
    alike = _perhaps_alike(lines)
    numbers = lines[c.LINHA].fill_null(1)
    if not alike.any():
        none = lines.select(_PLACE).clear()
        return Numbered(Keys(numbers, None), none, none)
    compared = lines.select(TOLD_APART_BY)
    several = compared if alike.all() else compared.filter(alike)
    occurrence = pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).over(SHEET, c.LOJA, c.ID_VENDA, c.SKU)
    told_apart = several.with_columns(pl.col(c.LINHA).fill_null(occurrence))
    lasts = _lasts(several, told_apart)
    several = several if lasts.all() else several.filter(lasts)
    first = several.select(pl.struct(*_SALE, c.SKU, *_CONTENT).is_first_distinct()).to_series()
    numbers = numbers.scatter(alike.arg_true(), told_apart[c.LINHA])
    return Numbered(
        Keys(numbers, None if lasts.all() else _in_place(lasts, of=alike)),
        told_apart.select(_PLACE).filter(~lasts),
        several.select(_PLACE).filter(several[c.LINHA].is_null() & ~first),
    )


def _lasts(several: pl.DataFrame, told_apart: pl.DataFrame) -> pl.Series:
    """The last line of each key; occurrences counted within one file are all different."""
    if several[c.LINHA].null_count() == several.height and several[SHEET].n_unique() == 1:
        return pl.repeat(value=True, n=several.height, dtype=pl.Boolean, eager=True)
    return told_apart.select(pl.struct(KEY).is_last_distinct()).to_series()


def _perhaps_alike(lines: pl.DataFrame) -> pl.Series:
    """Lines that share sale and product with another, and maybe a few more: it looks at hashes."""
    combined = pl.col(c.LOJA).hash(1) ^ pl.col(c.ID_VENDA).hash(2) ^ pl.col(c.SKU).hash(3)
    hashes = lines.select(combined).to_series()
    in_order = np.sort(hashes.to_numpy())  # many times faster than counting each
    return hashes.is_in(pl.Series(in_order[1:][in_order[1:] == in_order[:-1]]).unique().implode())


def _in_place(flags: pl.Series, *, of: pl.Series) -> pl.Series:
    """Flags about the rows that a mask picks, as a mask over all rows; rows not picked stay."""
    return ~of | of.scatter(of.arg_true(), flags)


def clean_columns(lines: pl.DataFrame) -> pl.DataFrame:
    """The columns of a clean line, in their order and types."""
    return lines.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def merge(earlier: pl.DataFrame, lines: pl.DataFrame) -> Merged:
    """The lines of a month after an upload: those of the upload, and the earlier ones it says nothing about.

    Args:
        earlier: the month as published before; no lines when it is new.
        lines: the upload's lines of the month.
    """
    if earlier.is_empty():
        return Merged(lines, 0, lines.height, 0)
    if lines.equals(earlier):  # as when a shop exports the whole year again
        return Merged(earlier, lines.height, 0, 0)
    pairs = _pairs(lines, earlier)
    there = pairs["new"].n_unique()
    changed = there - _say_the_same(lines, earlier, pairs)
    untouched = pl.repeat(value=True, n=earlier.height, dtype=pl.Boolean, eager=True).scatter(
        pairs["old"], values=False
    )
    if not untouched.any():
        return Merged(lines, there, lines.height - there, changed)
    everything = pl.concat([earlier.filter(untouched), lines]).sort(c.DATA_VENDA, c.ID_VENDA, maintain_order=True)
    return Merged(everything, there, lines.height - there, changed)


def _pairs(lines: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """The places, `new` and `old`, of lines with the same key: found by one hash each, and then held to the key."""
    new, old = _keyed(lines), _keyed(earlier)
    found = _hashed(new, "new").join(_hashed(old, "old"), on=_HASH, how="inner", maintain_order="left")
    same = _alike(_at(new, found["new"]), _at(old, found["old"]))
    return found if same.all() else found.filter(same)


def _keyed(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.select(c.LOJA, c.ID_VENDA, c.LINHA, pl.col(c.SKU).str.to_lowercase().alias(_FOLDED))


def _hashed(keys: pl.DataFrame, place: str) -> pl.DataFrame:
    of_column = [pl.col(name).hash(number) for number, name in enumerate(_FOLDED_KEY)]
    return keys.select(
        reduce(operator.xor, of_column).alias(_HASH), pl.int_range(pl.len(), dtype=pl.UInt32).alias(place)
    )


def _say_the_same(lines: pl.DataFrame, earlier: pl.DataFrame, pairs: pl.DataFrame) -> int:
    """How many lines an earlier one of their key equals in every column."""
    equal = _alike(_at(lines, pairs["new"]), _at(earlier, pairs["old"]))
    return pairs["new"].filter(equal).n_unique()


def _at(rows: pl.DataFrame, places: pl.Series) -> pl.DataFrame:
    """The rows at some places; as they are, if those are all of them in their order."""
    is_whole = rows.height == len(places) and bool((places == pl.int_range(len(places), eager=True)).all())
    return rows if is_whole else rows.select(pl.all().gather(places))


def _alike(rows: pl.DataFrame, others: pl.DataFrame) -> pl.Series:
    """Which rows are the same in every column."""
    equal = pl.repeat(value=True, n=rows.height, dtype=pl.Boolean, eager=True)
    for name in rows.columns:
        equal &= rows[name].eq_missing(others[name])
    return equal
