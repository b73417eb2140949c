import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.cnpj import Cnpj
from app.domain.errors import InvalidCnpj

VALID = [
    "12ABC34501DE35",
    "00000000E08G12",
    "PMVT17GD000144",
    "JRYXJGEN000155",
    "DJ9YX8H3000104",
    "M3LVVXLW000188",
    "851SJJEV000159",
    "L2TJ5GEY000138",
    "Y6T259JN000132",
    "Y6T259JNZ04384",
    "PM8ZY997000134",
    "PM8ZY997MZW630",
    "5MN1P8JD000123",
    "5MN1P8JDPDKW18",
    "12ABC345000188",
    "00000000000191",
    "33000167000101",
    "11222333000181",
    "11222333000262",
    "46241741000165",
    "46241741000408",
    "07322382000119",
    "07322382001352",
    "19131243000197",
]

INVALID = [
    "12ABC34501DE36",
    "12ABC34501DEAA",
    "00000000000000",
    "11111111111111",
    "AAAAAAAAAAAAAA",
    "00000000E08G13",
    "08781394002036",
    "1ABC345000188",
    "191",
]


@pytest.mark.parametrize("text", VALID)
def test_a_published_cnpj_is_right(text: str) -> None:
    assert Cnpj(text).text == text
    assert Cnpj.parse(Cnpj(text).formatted) == Cnpj(text)


@pytest.mark.parametrize("text", INVALID)
def test_a_wrong_cnpj_is_refused(text: str) -> None:
    with pytest.raises(InvalidCnpj):
        Cnpj.parse(text)


@pytest.mark.parametrize(
    "written",
    [
        "12.ABC.345/01DE-35",
        " 12abc34501de35\u00a0",
        "12.abc.345/01de\u201335",
        "\uff11\uff12\uff21\uff22\uff23\uff13\uff14\uff15\uff10\uff11\uff24\uff25\uff13\uff15",
    ],
)
def test_people_write_it_in_many_ways(written: str) -> None:
    assert Cnpj.parse(written).text == "12ABC34501DE35"


def test_its_parts_have_names() -> None:
    branch = Cnpj.parse("00.000.000/E08G-12")
    assert (branch.root, branch.branch, branch.formatted) == ("00000000", "E08G", "00.000.000/E08G-12")


def test_letters_are_never_thrown_away() -> None:
    """Stripping non-digits and filling with zeros would silently give another company."""
    assert Cnpj.parse("12.ABC.345/01DE-35").text != "00000123450135"
    assert Cnpj.parse("00.000.000/E08G-12").text != "00000000000812"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "vazio"),
        ("191", "zeros da frente"),
        ("1,12223E+13", "notação científica"),
        ("1.12223E+13", "notação científica"),
        ("123.456.789-09", "CPF"),
        ("112223330001811", "15 caracteres"),
        ("00000000000000", "só tem zeros"),
        ("12ABC34501DEAA", "devem ser números"),
        ("11222333000182", "não conferem"),
        ("\u0661\u0662ABC34501DE35", "não são letras nem números"),
        ("12ÇBC34501DE35", "não são letras nem números"),
    ],
)
def test_the_refusal_says_why(text: str, reason: str) -> None:
    with pytest.raises(InvalidCnpj) as refused:
        Cnpj.parse(text)
    assert reason in refused.value.detail("pt-BR")
    assert refused.value.detail("en")


def test_a_cpf_typed_by_mistake_is_not_echoed() -> None:
    with pytest.raises(InvalidCnpj) as refused:
        Cnpj.parse("123.456.789-09")
    assert "456" not in refused.value.detail()


def test_the_constructor_takes_only_the_bare_form() -> None:
    with pytest.raises(InvalidCnpj):
        Cnpj("12.ABC.345/01DE-35")
    with pytest.raises(InvalidCnpj):
        Cnpj("12abc34501de35")


@given(st.text(max_size=30))
def test_any_text_is_either_right_or_refused(text: str) -> None:
    try:
        cnpj = Cnpj.parse(text)
    except InvalidCnpj:
        return
    assert re.fullmatch(r"[0-9A-Z]{12}[0-9]{2}", cnpj.text)
