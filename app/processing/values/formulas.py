"""What a spreadsheet would run, and the quote that keeps it from doing so (OWASP, "CSV Injection")."""

from typing import Final

import polars as pl

GUARD: Final = "'"  # as Excel itself marks text; reading takes it away again
_STARTS: Final = r"^[=+\-@＝＋－＠\t\r\n]"
# `-5,00` and `+10%` are what they say they are: a number that a person mends and sends back must stay one.
_NUMBER: Final = r"^[+\-]\d[\d.,]*%?$"
# Excel cuts cells where its own language has its separator, and a new line begins a cell where quotes are not seen.
_INSIDE: Final = r"([;,\t\r\n])([=+\-@＝＋－＠])"


def harmless(text: pl.Expr) -> pl.Expr:
    """Text that a spreadsheet takes for text, wherever it cuts the cell; numbers stay as they are, minus and all."""
    inside = text.str.replace_all(_INSIDE, "${1}" + GUARD + "${2}")
    guarded = pl.when(text.str.contains(_STARTS)).then(GUARD + inside).otherwise(inside)
    return pl.when(text.str.contains(_NUMBER)).then(text).otherwise(guarded).name.keep()
