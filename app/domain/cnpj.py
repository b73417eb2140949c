"""The number that names a Brazilian company: 14 characters, digits and (since July 2026) letters.

    12.ABC.345/01DE-35
    |--------| |--| ||   root 8: the legal entity; branch 4: the establishment; check 2: digits only

Source: Nota Técnica Conjunta 2025.001, item 4 and annex I; IN RFB 2.229/2024.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from app.domain.errors import InvalidCnpj
from app.domain.text import Text

LENGTH: Final = 14
CPF_LENGTH: Final = 11
SHOWN: Final = 40

_PUNCTUATION: Final = re.compile(r"[./\s\u002d\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d]")
_SHAPE: Final = re.compile(r"[0-9A-Z]{12}[0-9]{2}")
_SCIENTIFIC: Final = re.compile(r"\d(?:[.,]\d+)?[Ee]\+?\d+")
_WEIGHTS: Final = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)

_EMPTY: Final = Text("está vazio", "it is empty")
_ZEROS: Final = Text("só tem zeros", "it is all zeros")
_CHARACTERS: Final = Text(
    "tem caracteres que não são letras nem números", "it has characters other than letters and digits"
)
_SPREADSHEET: Final = Text(
    "o Excel o transformou em notação científica; formate a célula como Texto e digite de novo",
    "Excel turned it into scientific notation; format the cell as Text and type it again",
)
_CPF: Final = Text("parece um CPF, e CNPJ tem 14 caracteres", "it looks like a CPF, and a CNPJ has 14 characters")
_SHORT: Final = Text(
    "tem {length} de 14 caracteres; o Excel pode ter tirado os zeros da frente",
    "it has {length} of 14 characters; Excel may have removed the leading zeros",
)
_LONG: Final = Text("tem {length} caracteres, e não 14", "it has {length} characters, not 14")
_LETTERS_AT_THE_END: Final = Text(
    "os dois últimos caracteres devem ser números", "the last two characters must be digits"
)
_CHECK_DIGIT: Final = Text(
    "os dois últimos números não conferem; há algum caractere trocado",
    "the two check digits do not match; some character is wrong",
)


@dataclass(frozen=True, slots=True, order=True)
class Cnpj:
    """A CNPJ that is right for ever: 14 bare upper-case characters whose check digits match.

    Raises:
        InvalidCnpj: `text` is not exactly that. People's own writing goes through `parse`.
    """

    text: str

    def __post_init__(self) -> None:
        reason = _what_is_wrong(self.text)
        if reason:
            raise _refusal(self.text, reason)

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> "Cnpj":
        """The CNPJ as someone wrote it: punctuation, blanks, lower case and full-width characters are understood.

        Nothing is guessed: what lost its leading zeros is refused, for `191` filled with zeros is another company.

        Raises:
            InvalidCnpj: with the reason in both languages.
        """
        if _SCIENTIFIC.fullmatch(text.strip()):
            raise _refusal(text, _SPREADSHEET)
        bare = _bare(text)
        reason = _what_is_wrong(bare)
        if reason:
            raise _refusal(text, reason)
        return cls(bare)

    @property
    def root(self) -> str:
        """The legal entity: the same 8 characters in all its establishments."""
        return self.text[:8]

    @property
    def branch(self) -> str:
        """The establishment: 4 characters, usually `0001` for the head office."""
        return self.text[8:12]

    @property
    def formatted(self) -> str:
        """As people write it: `12.ABC.345/01DE-35`."""
        t = self.text
        return f"{t[:2]}.{t[2:5]}.{t[5:8]}/{t[8:12]}-{t[12:]}"


def _bare(text: str) -> str:
    return _PUNCTUATION.sub("", unicodedata.normalize("NFKC", text)).upper()


def _what_is_wrong(bare: str) -> Text | None:
    if len(bare) != LENGTH:
        return _wrong_length(bare)
    if not (bare.isascii() and bare.isalnum()):
        return _CHARACTERS
    if not _SHAPE.fullmatch(bare):
        return _LETTERS_AT_THE_END if bare == bare.upper() else _CHARACTERS
    if not bare.strip("0"):
        return _ZEROS
    return None if bare[12:] == _check_digits(bare[:12]) else _CHECK_DIGIT


def _wrong_length(bare: str) -> Text:
    if not bare:
        return _EMPTY
    if len(bare) == CPF_LENGTH and bare.isdigit():
        return _CPF
    return (_SHORT if len(bare) < LENGTH else _LONG).format(length=len(bare))


def _check_digits(base: str) -> str:
    """Both check digits: modulo 11 over `ord(character) - 48`, weights 2 to 9 from the right."""
    first = _check_digit(base)
    return first + _check_digit(base + first)


def _check_digit(base: str) -> str:
    weights = _WEIGHTS[-len(base) :]
    remainder = sum((ord(c) - ord("0")) * w for c, w in zip(base, weights, strict=True)) % 11
    return str(0 if remainder in {0, 1} else 11 - remainder)


def _refusal(text: str, reason: Text) -> InvalidCnpj:
    shown = "***" if reason is _CPF else text.strip()[:SHOWN]  # a CPF is a person's: it is never echoed
    return InvalidCnpj(value=shown, reason=reason.pt, reason_en=reason.en)
