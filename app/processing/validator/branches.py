"""The shop that made a sale: branches of the company are welcome, other companies are not."""

from functools import lru_cache
from typing import NamedTuple

import polars as pl

from app.domain import columns as c
from app.domain import contract as k
from app.domain.cnpj import LENGTH, Cnpj
from app.domain.errors import InvalidCnpj


class Branches(NamedTuple):
    """The branch of each row, and the rows whose CNPJ is another company's or none."""

    loja: pl.Series
    foreign: pl.Series
    invalid: pl.Series


def branches(values: pl.DataFrame, *, cnpj: Cnpj | None) -> Branches:
    """The branch by its own name, else by its CNPJ.

    Args:
        values: with `loja` and `cnpj_estabelecimento`.
        cnpj: the company; None when it is not known, and then no CNPJ is foreign.
    """
    written = values[k.CNPJ_ESTABELECIMENTO]
    if written.null_count() == values[c.LOJA].null_count() == values.height:
        nowhere = pl.repeat(value=False, n=values.height, dtype=pl.Boolean, eager=True)
        return Branches(values[c.LOJA], nowhere, nowhere)
    foreign = _among(written, cnpj, "foreign") | _among(values[c.LOJA], cnpj, "foreign")
    known = {text: parsed.text for text in written.drop_nulls().unique() if (parsed := _parsed(text))}
    shown = written.replace(known) if known else written
    return Branches(values[c.LOJA].fill_null(shown), foreign, _among(written, cnpj, "invalid"))


def _among(text: pl.Series, cnpj: Cnpj | None, wanted: str) -> pl.Series:
    chosen = [value for value in text.drop_nulls().unique() if _judged(value, cnpj) == wanted]
    if not chosen:
        return pl.repeat(value=False, n=len(text), dtype=pl.Boolean, eager=True)
    return text.is_in(chosen).fill_null(value=False)


def _judged(text: str, cnpj: Cnpj | None) -> str:
    parsed = _parsed(text)
    if parsed is None:
        return "invalid"
    return "own" if cnpj is None or parsed.root == cnpj.root else "foreign"


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Cnpj | None:
    if text.isascii() and len(text) < LENGTH:  # as branches are mostly called: `loja 3`
        return None
    try:
        return Cnpj.parse(text)
    except InvalidCnpj:
        return None
