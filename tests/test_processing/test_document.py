from pathlib import Path

import pytest

from app.domain.contract import CONTRACT, Kind
from app.domain.uploads import Table
from app.processing.columns.synonyms import SYNONYMS
from app.processing.document import DOCUMENT, MODELS, document, model
from tests.test_processing.at_hand import Desk, rows

DOCS = Path(__file__).parents[2] / "docs"


def test_the_document_says_what_the_code_does() -> None:
    """If this fails: python -m app.processing.document docs."""
    assert (DOCS / DOCUMENT).read_text(encoding="utf-8") == document()
    for table in Table:
        assert (DOCS / MODELS / f"{table}.csv").read_bytes() == model(table).encode("utf-8-sig")


def test_the_model_files_are_taken_as_they_are(desk: Desk) -> None:
    files = [desk.file((DOCS / MODELS / f"{table}.csv").read_bytes(), name=f"{table}.csv") for table in Table]
    prepared = desk.prepare(*files)
    assert [sheet.table for sheet in prepared.sheets] == list(Table)
    for sheet in prepared.sheets:
        used = {field.name for field in CONTRACT[sheet.table] if field.kind is not Kind.IGNORED and field.example}
        assert used <= set(sheet.positions)
    assert [rows(prepared, table)[:2] for table in Table] == [(1, 1)] * 3
    assert prepared.findings.is_empty()


@pytest.mark.parametrize("table", Table)
def test_every_field_has_names_and_every_name_a_field(table: Table) -> None:
    fields = {field.name for field in CONTRACT[table]}
    assert fields - set(SYNONYMS[table]) <= {"valor_produtos"}
    assert set(SYNONYMS[table]) <= fields, "a name of no field would break the reading of a file that has it"
