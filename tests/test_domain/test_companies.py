import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.companies import company_slug, kept_name


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Padaria São João Ltda. ME", "padaria-sao-joao"),
        ("Magazine Coração S/A", "magazine-coracao"),
        ("Comércio de Peças EIRELI - EPP", "comercio-de-pecas"),
        ("Me Leva Modas", "me-leva-modas"),
        ("JOAO DA SILVA 12345678909", "joao-da-silva"),
        ("123.456.789-09 MARIA SOUZA MEI", "maria-souza"),
        ("../../etc/passwd", "etc-passwd"),
        ("日本", "empresa"),
        ("", "empresa"),
        ("LTDA", "empresa"),
        ("Loja\x00Nula\r\n", "loja-nula"),
        ("Loja 24 Horas", "loja-24-horas"),
        ("x" * 200, "x" * 48),
    ],
)
def test_a_company_name_becomes_a_plain_word(name: str, slug: str) -> None:
    assert company_slug(name) == slug


@given(st.text())
def test_whatever_the_name_the_slug_is_safe_in_a_key(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?", company_slug(name))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("JOAO DA SILVA 123.456.789-09", "JOAO DA SILVA"),
        ("Padaria  São\nJoão\x00 Ltda", "Padaria São João Ltda"),
        ("12345678909", "empresa"),
    ],
)
def test_a_name_is_kept_without_its_owners_cpf(given: str, kept: str) -> None:
    assert kept_name(given) == kept
