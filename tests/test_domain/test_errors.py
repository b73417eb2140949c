"""What an error says to a customer, and what to us alone."""

from string import Formatter

import pytest

from app.api.samples import sample_of
from app.domain.errors import STORAGE, AppError, ObjectExists, ObjectMissing, Unavailable, by_code

INTERNAL = [kind for kind in by_code().values() if kind.internal]
ADDRESS = "s3://lake/padaria/raw/12ABC34501DE35/vendas.csv"


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("kind", INTERNAL)
def test_what_is_for_the_log_alone_is_no_part_of_the_customers_words(kind: type[AppError]) -> None:
    assert not places(kind.internal) & {name for text in kind.explanation for name in places(text)}


def test_these_errors_name_what_is_ours() -> None:
    assert {Unavailable, ObjectExists, ObjectMissing} == set(INTERNAL)
    for error in (Unavailable(part=STORAGE, where=ADDRESS), ObjectExists(key=ADDRESS), ObjectMissing(key=ADDRESS)):
        assert ADDRESS in str(error)
        assert ADDRESS not in str(error.in_both_languages())


def test_a_fact_in_both_languages_is_told_in_the_readers() -> None:
    error = Unavailable(part=STORAGE, where=ADDRESS)
    assert error.detail().startswith("O armazenamento não respondeu.")
    assert error.detail("en").startswith("The storage did not answer.")


def test_errors_tell_a_sample_in_both_languages() -> None:
    for kind in INTERNAL:
        assert sample_of(kind).detail() != sample_of(kind).detail("en")
