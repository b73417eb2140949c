"""Everything we hold of a company, in one zip: as received, cleaned and forecast, and what was written down of it."""

import json
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
from sqlalchemy import select

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.tables import AuditRow, PublishedRow, RunRow, UploadRow
from app.domain.access import Action
from app.domain.cnpj import Cnpj
from app.domain.errors import ObjectMissing
from app.pipeline.audit import Deed, note
from app.pipeline.companies import find_company
from app.pipeline.rendering import Format, render

_CSV_TOO = ("totals", "accuracy", "produtos")


def export_company(clients: Clients, account: AccountId, cnpj: Cnpj, target: Path, *, actor: str) -> None:
    """Write the zip to `target`: the lake's own paths, and `{empresa,envios,previsoes,auditoria}.json`.

    Raises:
        UnknownCompany: the account has no such company.
    """
    with clients.database.session(account) as session:
        company = find_company(session, cnpj)
        uploads = session.scalars(select(UploadRow).where(UploadRow.company_id == company.id)).all()
        runs = session.scalars(select(RunRow).where(RunRow.company_id == company.id)).all()
        published = session.scalars(select(PublishedRow).where(PublishedRow.company_id == company.id)).all()
        told = [cnpj.text, *(str(upload.id) for upload in uploads)]
        audit = session.scalars(select(AuditRow).where(AuditRow.subject.in_(told)).order_by(AuditRow.created_at)).all()
        note(session, account, Deed(Action.EXPORTED, cnpj.text, actor))
    keys = [file["key"] for upload in uploads for file in upload.files] + [row.key for row in published]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("empresa.json", _json({"cnpj": cnpj.text, "name": company.name}))
        for name, rows in (("envios", uploads), ("previsoes", runs), ("auditoria", audit)):
            archive.writestr(f"{name}.json", _json([_facts(row) for row in rows]))
        for key in keys:
            _add(clients, archive, key)


def _add(clients: Clients, archive: zipfile.ZipFile, key: str) -> None:
    try:
        pieces = clients.store.stream(key)
    except ObjectMissing:  # a raw file whose time was over
        return
    with archive.open(key, "w", force_zip64=True) as entry:
        for piece in pieces:
            entry.write(piece)
    if key.rsplit("/", 1)[-1].startswith(_CSV_TOO) and key.endswith(".parquet"):
        frame = pl.read_parquet(clients.store.get(key))
        archive.writestr(key.removesuffix("parquet") + "csv", render(frame, Format.CSV))


def _facts(row: UploadRow | RunRow | AuditRow) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns if column.key != "account_id"}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_text).encode()


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)
