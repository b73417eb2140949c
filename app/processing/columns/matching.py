"""The customer's headings to ours: by name first, then by what the columns hold where names are not enough."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, NamedTuple

import polars as pl

from app.domain import columns as c
from app.domain import contract as k
from app.domain.contract import CONTRACT, Kind
from app.domain.uploads import Table
from app.processing.columns.headings import normalised
from app.processing.columns.synonyms import SYNONYMS
from app.processing.values.dates import DateStyle, read_dates
from app.processing.values.numbers import NumberStyle, read_numbers

IGNORE: Final = ""  # a customer's mapping of a heading to nothing
CONFIRMED: Final = 1.0
_SUREST: Final = 0.99
_LEAST_SURE: Final = 0.6
_DOUBTFUL: Final = 0.3
_PLAUSIBLE: Final = 0.5
_LONG_TEXT: Final = 300
_MATCHING_TOTALS: Final = 0.5
_LINES_COMPARED: Final = 5_000

_STATE: Final = re.compile(
    "ac|al|ap|am|ba|ce|df|es|go|ma|mt|ms|mg|pa|pb|pr|pe|pi|rj|rn|rs|ro|rr|sc|sp|se|to|acre|alagoas|amapa|amazonas"
    "|bahia|ceara|distrito federal|espirito santo|goias|maranhao|mato grosso( do sul)?|minas gerais|para|paraiba|parana"
    "|pernambuco|piaui|rio de janeiro|rio grande do (norte|sul)|rondonia|roraima|santa catarina|sao paulo|sergipe"
    "|tocantins"
)


class Match(NamedTuple):
    """A field found in a column."""

    field: str
    confidence: float


class Candidate(NamedTuple):
    """A column that could be a field. Candidates sort by how well they fit: what they hold, then their name's rank."""

    implausible: bool
    rank: int
    position: int
    field: str


def match_columns(
    headings: Sequence[str],
    sample: pl.DataFrame,
    *,
    table: Table,
    personal: Sequence[bool],
    confirmed: Mapping[str, str] | None = None,
) -> dict[int, Match]:
    """Which field each column is, by position; a field is never given twice, and personal columns never.

    Args:
        headings: as the customer wrote them.
        sample: cells `0`, `1`, ... of some records.
        table: the table the file is read as.
        personal: which columns hold personal data.
        confirmed: headings to fields that the customer settled; an empty field leaves the column unused.
    """
    settled = {normalised(heading): name for heading, name in (confirmed or {}).items()}
    matches: dict[int, Match] = {}
    taken: set[str] = set()
    for place, heading in enumerate(headings):
        name = settled.get(normalised(heading), IGNORE)
        if name and not personal[place] and name in SYNONYMS[table] and name not in taken:
            matches[place] = Match(name, CONFIRMED)
            taken.add(name)
    free = [p for p, h in enumerate(headings) if not personal[p] and normalised(h) not in settled]
    for candidate in sorted(_candidates(headings, sample, table, free)):
        if candidate.position not in matches and candidate.field not in taken:
            matches[candidate.position] = Match(candidate.field, _confidence(candidate, table))
            taken.add(candidate.field)
    return _with_order_totals_apart(matches, sample) if table is Table.ITEMS else matches


@cache
def names_of(table: Table) -> Mapping[str, tuple[str, int]]:
    """Every normalised heading of a table: its field and how far down the list of names it stands."""
    known: dict[str, tuple[str, int]] = {}
    for field_name, names in SYNONYMS[table].items():
        for rank, name in enumerate(names):
            known.setdefault(normalised(name), (field_name, rank))
    return known


def is_known(heading: str) -> bool:
    """Whether some table has a field of this name."""
    name = normalised(heading)
    return bool(name) and any(name in names_of(table) for table in Table)


def _candidates(headings: Sequence[str], sample: pl.DataFrame, table: Table, free: Sequence[int]) -> list[Candidate]:
    known = names_of(table)
    found = [(place, *known[normalised(headings[place])]) for place in free if normalised(headings[place]) in known]
    return [
        Candidate(not _is_plausible(sample[str(place)], table, name), rank, place, name) for place, name, rank in found
    ]


def _confidence(candidate: Candidate, table: Table) -> float:
    if candidate.implausible:
        return _DOUBTFUL
    names = len(SYNONYMS[table][candidate.field])
    return round(_SUREST - (_SUREST - _LEAST_SURE) * candidate.rank / max(names - 1, 1), 2)


def _is_plausible(text: pl.Series, table: Table, name: str) -> bool:
    """Whether a column holds what its name says: dates, numbers, a status that is no state, a name that is no page."""
    values = text.drop_nulls().head(200)
    if values.is_empty():
        return False
    kind = k.field(table, name).kind if name in {f.name for f in CONTRACT[table]} else Kind.IGNORED
    if kind is Kind.DATE:
        return any(_share(read_dates(values, style=style).is_not_null()) >= _PLAUSIBLE for style in DateStyle)
    if kind in {Kind.NUMBER, Kind.AMOUNT}:
        return _share(read_numbers(values, style=NumberStyle.BR).values.is_not_null()) >= _PLAUSIBLE
    if name == c.SITUACAO:
        return not _are_states(values)
    return not (name == c.DESCRICAO and _are_pages(values))


def _share(flags: pl.Series) -> float:
    return float(flags.sum()) / max(len(flags), 1)


def _are_states(values: pl.Series) -> bool:
    plain = [
        unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode().lower().strip() for value in values
    ]
    return sum(bool(_STATE.fullmatch(value)) for value in plain) >= _PLAUSIBLE * len(plain)


def _are_pages(values: pl.Series) -> bool:
    """Whether most values are HTML or long texts, which no product is called."""
    return _share(values.str.contains(r"<[a-zA-Z/]") | (values.str.len_chars() > _LONG_TEXT)) >= _PLAUSIBLE


def _with_order_totals_apart(matches: dict[int, Match], sample: pl.DataFrame) -> dict[int, Match]:
    """A total that is the order's and not the line's is never summed.

    It is the order's if all lines of a sale repeat it and it is not quantity times price, or if it is that and freight.
    """
    place = {match.field: position for position, match in matches.items()}
    if not (c.PRECO_UNITARIO in place and c.VALOR_TOTAL in place):
        return matches
    lines = _lines_compared(sample, place)
    if not (_repeats_the_order(lines) or _includes_freight(lines)):
        return matches
    moved = place[c.VALOR_TOTAL]
    return {**matches, moved: Match("valor_pedido", matches[moved].confidence)}


def _lines_compared(sample: pl.DataFrame, place: Mapping[str, int]) -> pl.DataFrame:
    """`sale`, `expected` (quantity times price), `total` and `freight` of some lines; whether the total is `off`."""
    first = sample.head(_LINES_COMPARED)
    numbers = {
        name: read_numbers(first[str(place[name])], style=NumberStyle.BR).values
        for name in (c.QUANTIDADE, c.PRECO_UNITARIO, c.VALOR_TOTAL, "valor_frete")
        if name in place
    }
    expected = numbers[c.PRECO_UNITARIO] * numbers.get(c.QUANTIDADE, 1.0)  # one a row where none is written
    told = {"expected": expected, "total": numbers[c.VALOR_TOTAL]}
    sale = first[str(place[c.ID_VENDA])] if c.ID_VENDA in place and c.QUANTIDADE in place else None
    freight = numbers.get("valor_frete")
    return (
        pl.DataFrame(told)
        .with_columns(pl.lit(sale).alias("sale"), pl.lit(freight).alias("freight"))
        .drop_nulls(["expected", "total"])
        .with_columns(_differ(pl.col("expected"), pl.col("total")).alias("off"))
    )


def _differ(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    return (one - other).abs() > 0.01 * other.abs() + 0.01


def _repeats_the_order(lines: pl.DataFrame) -> bool:
    several = lines.drop_nulls("sale").filter(pl.len().over("sale") > 1)
    if several.is_empty():
        return False
    constant = several.group_by("sale").agg(pl.col("total").n_unique() == 1)["total"]
    return min(_share(several["off"]), _share(constant)) > _MATCHING_TOTALS


def _includes_freight(lines: pl.DataFrame) -> bool:
    """As on the marketplace of Casas Bahia."""
    shipped = lines.drop_nulls("freight").filter(pl.col("freight") > 0)
    delivered = pl.col("expected") + pl.col("freight")
    return _share(shipped.select(pl.col("off") & ~_differ(delivered, pl.col("total"))).to_series()) > _MATCHING_TOTALS
