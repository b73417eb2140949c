"""Units of measure: one spelling each, and boxes turned into units where the catalogue says how many they hold."""

from typing import Final

import polars as pl

from app.domain import columns as c
from app.domain import contract as k

DEFAULT: Final = "UN"
FACTOR: Final = "factor"
NEW_SKU: Final = "new_sku"
NEW_UNIT: Final = "new_unit"
CONVERSION: Final = {
    c.SKU: pl.String,
    c.UNIDADE: pl.String,
    FACTOR: pl.Float64,
    NEW_SKU: pl.String,
    NEW_UNIT: pl.String,
}

_SPELLINGS: Final = {
    "": DEFAULT,
    "UNID": "UN",
    "UNIDADE": "UN",
    "UNIDADES": "UN",
    "UND": "UN",
    "UNI": "UN",
    "UN1": "UN",
    "U": "UN",
    "LU": "UN",
    "PÇ": "UN",
    "PC": "UN",
    "PCA": "UN",
    "PECA": "UN",
    "PEÇA": "UN",
    "CAIXA": "CX",
    "CXA": "CX",
    "PACOTE": "PCT",
    "PCTE": "PCT",
    "PT": "PCT",
    "FARDO": "FD",
    "FRD": "FD",
    "DUZIA": "DZ",
    "DÚZIA": "DZ",
    "KILO": "KG",
    "QUILO": "KG",
    "KGS": "KG",
    "GR": "G",
    "GRAMA": "G",
    "LITRO": "L",
    "LT": "L",
    "LTS": "L",
    "METRO": "M",
    "MT": "M",
    "MTS": "M",
    "PAR": "PAR",
    "PARES": "PAR",
}
_FIXED: Final = {("DZ", "UN"): 12.0, ("G", "KG"): 0.001, ("KG", "G"): 1000.0, ("ML", "L"): 0.001, ("L", "ML"): 1000.0}
_BOXES: Final = ("CX", "FD", "PCT", "DP", "BD")
_LONGEST: Final = 6


def clean_units(text: pl.Series) -> pl.Series:
    """Upper case, one spelling each, `UN` when empty."""
    if text.null_count() == len(text):
        return pl.Series(text.name, [DEFAULT]).new_from_index(0, len(text))
    different = text.unique()
    spelled = {
        word: _SPELLINGS.get(plain := word.upper().strip(" ."), plain[:_LONGEST]) for word in different.drop_nulls()
    }
    changed = {word: unit for word, unit in spelled.items() if word != unit}
    return (text.replace(changed) if changed else text).fill_null(DEFAULT)


def conversions(sold: pl.DataFrame, catalogue: pl.DataFrame | None) -> pl.DataFrame:
    """What to do with the units of products sold in more than one, or in another than the catalogue's.

    Args:
        sold: `sku`, `unidade`, `len` (lines); products and units may come several times.
        catalogue: the products, with `unidade` and `itens_por_caixa`; None when none was sent.

    Returns:
        `sku`, `unidade` and `factor` (units of `new_unit` in one), `new_sku`, `new_unit`. A unit without a factor
        becomes a product of its own, `sku (CX)`. Empty when every product has one unit.
    """
    if _have_one_unit(sold, catalogue):
        return pl.DataFrame(schema=CONVERSION)
    by_unit = sold.group_by(c.SKU, c.UNIDADE).agg(pl.col("len").sum())
    main = _main_units(by_unit, catalogue)
    other = by_unit.join(main, on=c.SKU, how="left").filter(pl.col(c.UNIDADE) != pl.col(NEW_UNIT))
    factor = pl.struct(c.UNIDADE, NEW_UNIT, k.ITENS_POR_CAIXA).map_elements(_factor, return_dtype=pl.Float64)
    return other.with_columns(factor.alias(FACTOR)).select(
        c.SKU,
        c.UNIDADE,
        pl.col(FACTOR).fill_null(1.0),
        pl.when(pl.col(FACTOR).is_null()).then(pl.format("{} ({})", c.SKU, c.UNIDADE)).otherwise(c.SKU).alias(NEW_SKU),
        pl.when(pl.col(FACTOR).is_null()).then(c.UNIDADE).otherwise(NEW_UNIT).alias(NEW_UNIT),
    )


def _have_one_unit(sold: pl.DataFrame, catalogue: pl.DataFrame | None) -> bool:
    """Whether everything is sold and listed in one and the same unit, as in most shops."""
    units = [sold[c.UNIDADE], *([] if catalogue is None else [catalogue[c.UNIDADE].drop_nulls()])]
    return pl.concat([column.unique() for column in units]).n_unique() <= 1


def _main_units(sold: pl.DataFrame, catalogue: pl.DataFrame | None) -> pl.DataFrame:
    """The catalogue's unit of each product, else the one most lines have."""
    most = sold.sort("len", c.UNIDADE, descending=[True, False]).unique(c.SKU, keep="first", maintain_order=True)
    by_lines = most.select(c.SKU, pl.col(c.UNIDADE).alias(NEW_UNIT))
    if catalogue is None:
        return by_lines.with_columns(pl.lit(None, pl.Float64).alias(k.ITENS_POR_CAIXA))
    known = catalogue.select(c.SKU, pl.col(c.UNIDADE).alias("own_unit"), k.ITENS_POR_CAIXA)
    both = by_lines.join(known, on=c.SKU, how="left")
    return both.select(c.SKU, pl.coalesce("own_unit", NEW_UNIT).alias(NEW_UNIT), k.ITENS_POR_CAIXA)


def _factor(units: dict[str, object]) -> float | None:
    sold, wanted, per_box = units[c.UNIDADE], units[NEW_UNIT], units[k.ITENS_POR_CAIXA]
    fixed = _FIXED.get((str(sold), str(wanted)))
    if fixed or not isinstance(per_box, float) or per_box <= 0:
        return fixed
    if sold in _BOXES and wanted not in _BOXES:
        return per_box
    return 1 / per_box if wanted in _BOXES and sold == DEFAULT else None


def in_main_units(lines: pl.DataFrame, conversion: pl.DataFrame) -> pl.DataFrame:
    """The lines with quantities, prices, units and codes converted."""
    if conversion.is_empty():
        return lines
    factor = pl.col(FACTOR).fill_null(1.0)
    joined = lines.join(conversion, on=[c.SKU, c.UNIDADE], how="left", maintain_order="left")
    return joined.with_columns(
        pl.coalesce(NEW_SKU, c.SKU).alias(c.SKU),
        pl.coalesce(NEW_UNIT, c.UNIDADE).alias(c.UNIDADE),
        pl.col(c.QUANTIDADE) * factor,
        pl.col(c.QUANTIDADE_DEVOLVIDA) * factor,
        pl.col(c.PRECO_UNITARIO) / factor,
    ).drop(FACTOR, NEW_SKU, NEW_UNIT)
