"""What a company is called where only plain characters are allowed."""

import re
import unicodedata
from typing import Final

FALLBACK: Final = "empresa"
LONGEST: Final = 48

# The legal names of old one-person companies carry their owner's CPF: "JOAO DA SILVA 12345678909".
_CPF: Final = re.compile(r"(?<!\d)\d{3}[. ]?\d{3}[. ]?\d{3}[- ]?\d{2}(?!\d)")
_LEGAL_FORM: Final = re.compile(r"(?:(?:^|-)(?:ltda|me|epp|eireli|mei|sa|s-a|s-s))+$")


def company_slug(name: str) -> str:
    """A name for keys and folders: `Padaria São João Ltda. ME` becomes `padaria-sao-joao`.

    Only `a-z`, `0-9` and `-`, at most 48 characters, never empty. Made once and kept: names change, the CNPJ does not.
    """
    words = re.sub(r"[^a-z0-9]+", "-", _without_accents(_without_cpf(name)).lower()).strip("-")
    return _LEGAL_FORM.sub("", words)[:LONGEST].strip("-") or FALLBACK


def kept_name(name: str) -> str:
    """A company's name as we keep it: without its owner's CPF, without control characters, in one line."""
    printable = "".join(c if c.isprintable() else " " for c in _without_cpf(name))
    return " ".join(printable.split()) or FALLBACK


def _without_cpf(name: str) -> str:
    return _CPF.sub(" ", unicodedata.normalize("NFKC", name))


def _without_accents(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
