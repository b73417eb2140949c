"""The rules that carry events know the application's keys; no cloud library is needed to see that."""

from datetime import UTC, date, datetime
from fnmatch import fnmatchcase
from uuid import UUID

import pytest

from app.core.lake import CompanyKeys, IncomingKeys, is_receipt
from app.domain.cnpj import Cnpj
from app.domain.uploads import Table
from infrastructure.rules import KEYS

AT = datetime(2026, 11, 22, 20, 54, 30, tzinfo=UTC)
COMPANY = CompanyKeys(slug="padaria", cnpj=Cnpj("12ABC34501DE35"))
DELIVERY = IncomingKeys(UUID(int=1), UUID(int=2))


@pytest.mark.parametrize(
    ("key", "roles"),
    [
        (DELIVERY.manifest, ["upload"]),
        (DELIVERY.file("1.csv"), ["upload"]),
        (COMPANY.raw_receipt(at=AT), ["process"]),
        (COMPANY.raw(Table.ITEMS, at=AT), []),
        (COMPANY.processed_receipt(at=AT), ["predict"]),
        (COMPANY.processed("itens", "2026-01", at=AT), []),
        (COMPANY.catalogue(at=AT), []),
        (COMPANY.prediction("forecast", last_day=date(2026, 1, 31), at=AT), []),
    ],
)
def test_each_new_object_is_one_functions_or_nobodys(key: str, roles: list[str]) -> None:
    assert [role for role, pattern in KEYS.items() if fnmatchcase(key, pattern)] == roles
    assert is_receipt(key) == (roles in (["process"], ["predict"]))
