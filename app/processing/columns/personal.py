"""Personal data of a shop's customers: found by heading and by value, and dropped before anything is kept.

Only what is necessary may be processed (Lei 13.709/2018, art. 6º, III), and no customer is needed to forecast demand.
The shop is the controller of this data and we would only be its operator: what is not kept cannot leak.
"""

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import polars as pl

from app.processing.columns.headings import normalised

MASK: Final = "***"

_COMPANYS_OWN: Final = re.compile(r"\b(emitente|emissor|loja|filial|estabelecimento|empresa|fornecedor|emp)\b")
_SURELY: Final = re.compile(r"\bcliente\b|dados pessoais")
_MONEY: Final = re.compile(
    r"^(receita|taxa|valor|custo|tarifa|desconto|total|frete|preco|quantidade|data|hora|numero pedido)\b"
)
_HEADING: Final = re.compile(
    r"\b(cpf|cnpj|rg|ie|cliente|client|customer|comprador|buyer|destinatario|recebedor|receiver|contato|consumidor|email"
    r"|fone|telefone|celular|whatsapp|phone|endereco|address|address1|address2|logradouro|rua|street|bairro|neighborhood"
    r"|cep|zip|complemento|complement|nascimento|vendedor|vendedora|tid|nsu|titular|anotacoes|notes|note|observacoes"
    r"|observacao|obs|apelido|nickname|passaporte|operador|operadora|usuario|funcionario|atendente|garcom|entregador"
    r"|motoboy|paciente|aluno|hospede|card|cartao|assinante)\b"
    r"|dados pessoais|tipo e numero documento|^documento identidade|codigo postal|postal code|pessoa que|tipo pessoa"
    r"|nome (para )?(a )?entrega|^razao social$|^nome fantasia$|^nome completo$|^sobrenome$|^number$|^reference$"
    r"|(billing|shipping) (name|company|city|province|country)|identificador transacao|^nome razao"
)
_STREET: Final = re.compile(r"^(endereco|logradouro|rua|street)")
_HOUSE_NUMBER: Final = frozenset({"numero", "number", "complemento"})

_CUSTOMERS_NAME: Final = "nome"  # in a file of orders that calls its products otherwise
_PRODUCT_NAMES: Final = frozenset({"produto", "nome produto", "descricao", "descricao produto", "item", "mercadoria"})
_ORDER: Final = re.compile(r"\b(pedido|venda|cupom|nota|documento)\b")
_EMAIL: Final = r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,}"
_WRITTEN_CPF: Final = r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b|\b\d{9}-\d{2}\b"
_CPF: Final = rf"{_WRITTEN_CPF}|\b\d{{11}}\b"
_PHONE: Final = r"(?:\+55\s?)?(?:\(\d{2}\)\s?|\b\d{2}\s)9?\d{4}[\-\s]?\d{4}\b|\b9\d{4}-\d{4}\b|\+55\d{10,11}\b"
PATTERN: Final = rf"{_EMAIL}|{_CPF}|{_PHONE}"
IN_CODES: Final = rf"{_EMAIL}|{_WRITTEN_CPF}|{_PHONE}"  # eleven bare digits may well be an order's number

_WHOLE_EMAIL: Final = re.compile(_EMAIL)
_WHOLE_PHONE: Final = re.compile(r"(?:\+?55\s?)?\(?\d{2}\)?\s?9?\d{4}[- ]\d{4}|\+55\d{10,11}")
_WHOLE_CPF: Final = re.compile(r"\d{3}\.\d{3}\.\d{3}-\d{2}|\d{9}-?\d{2}")
_ENOUGH: Final = 3
_MOSTLY: Final = 0.8


def personal_headings(headings: Sequence[str]) -> list[bool]:
    """Which headings name personal data. A `Número` right after the street is the house's."""
    names = [normalised(heading) for heading in headings]
    customers_name = _CUSTOMERS_NAME if _has_orders(names) and _PRODUCT_NAMES.intersection(names) else None
    return [
        name == customers_name or _is_personal(name) or _is_house_number(names, place)
        for place, name in enumerate(names)
    ]


def _has_orders(names: Sequence[str]) -> bool:
    return any(_ORDER.search(name) for name in names)


def _is_personal(name: str) -> bool:
    if _COMPANYS_OWN.search(name) and not _SURELY.search(name):
        return False
    return bool(_HEADING.search(name)) and not _MONEY.match(name)


def _is_house_number(names: Sequence[str], place: int) -> bool:
    before = names[max(place - 2, 0) : place]
    return names[place] in _HOUSE_NUMBER and any(_STREET.match(name) for name in before)


def holds_personal_values(samples: Sequence[str]) -> bool:
    """Whether most of a column's values are e-mails, phones, or CPFs whose check digits are right."""
    if len(samples) < _ENOUGH:
        return False
    return any(_are_mostly(test, samples) for test in (_is_email, _is_phone, is_cpf))


def _are_mostly(test: Callable[[str], bool], samples: Sequence[str]) -> bool:
    """Whether enough samples pass; no more are looked at than it takes to know."""
    failed = (sample for sample in samples if not test(sample))
    allowed = int(len(samples) - _MOSTLY * len(samples))
    return next(islice(failed, allowed, None), None) is None


def _is_email(text: str) -> bool:
    return bool(_WHOLE_EMAIL.fullmatch(text.strip()))


def _is_phone(text: str) -> bool:
    return bool(_WHOLE_PHONE.fullmatch(text.strip()))


def is_cpf(text: str) -> bool:
    """Whether this is a person's number: 11 digits whose two check digits are right."""
    bare = text.strip()
    if not _WHOLE_CPF.fullmatch(bare):
        return False
    digits = [int(character) for character in bare if character.isdigit()]
    return len(set(digits)) > 1 and all(_cpf_digit(digits[:size]) == digits[size] for size in (9, 10))


def _cpf_digit(digits: Sequence[int]) -> int:
    weighted = sum(digit * weight for digit, weight in zip(digits, range(len(digits) + 1, 1, -1), strict=True))
    return weighted * 10 % 11 % 10


def masked(text: str) -> str:
    """The text with CPFs, e-mails and phones replaced by `***`."""
    return re.sub(PATTERN, MASK, text)


def masked_column(text: pl.Series, *, pattern: str = PATTERN) -> pl.Series:
    """A column of text with CPFs, e-mails and phones replaced; the very same column when there are none."""
    if not text.unique().str.contains(pattern).any():
        return text
    return text.str.replace_all(pattern, MASK)
