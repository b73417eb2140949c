"""Everything we hold of a company, in one zip: as received, cleaned and forecast, and what was written down of it."""

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import polars as pl
from sqlalchemy import select

from app.core.clients import Clients
from app.core.database import AccountId
from app.core.lake import IncomingKeys
from app.core.tables import AuditRow, Base, ColumnMappingRow, DirectUploadRow, RunRow, UploadRow
from app.domain.access import Action
from app.domain.cnpj import Cnpj
from app.domain.errors import ObjectMissing
from app.pipeline.audit import Deed, note
from app.pipeline.companies import Company, find_company
from app.pipeline.rendering import Format, render

_CSV_TOO: Final = ("totals", "accuracy", "produtos")
_OURS: Final = (".parquet", ".json")  # what we wrote ourselves; the rest is in the customer's own words
_ABOUT: Final = """\
Tudo o que guardamos de {name} (CNPJ {cnpj}).

empresa.json, colunas.json    a empresa, e as colunas que você mesmo nomeou
envios.json, previsoes.json   cada envio e cada previsão, com as contagens
auditoria.json                quem enviou, leu, exportou
raw/, incoming/               os arquivos como chegaram, sem as colunas pessoais que retiramos
processed/, predictions/      as vendas limpas e as previsões, em Parquet (as tabelas pequenas também em CSV)

Os arquivos como chegaram terminam em .txt para que nenhuma planilha execute o que está escrito neles.
Para usá-los de novo, tire o .txt do nome.

Everything we hold of this company. Files as received end in .txt so that no spreadsheet runs what is written in them.
"""


class _Held(NamedTuple):
    """What the database holds of a company, by the name of its file, and where its objects lie."""

    company: Company
    rows: Mapping[str, Sequence[Base]]
    folders: Sequence[str]


def export_company(clients: Clients, account: AccountId, cnpj: Cnpj, target: Path, *, actor: str) -> None:
    """Write the zip to `target`: the lake's own paths, `{empresa,colunas,envios,previsoes,auditoria}.json`, a guide.

    Raises:
        UnknownCompany: the account has no such company.
    """
    held = _held(clients, account, cnpj, actor=actor)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("LEIA-ME.txt", _ABOUT.format(name=held.company.name, cnpj=cnpj.formatted))
        archive.writestr("empresa.json", _json({"cnpj": cnpj.text, "name": held.company.name}))
        for name, rows in held.rows.items():
            archive.writestr(f"{name}.json", _json([_facts(row) for row in rows]))
        for key in _keys(clients, held.folders):
            _add(clients, archive, key)


def _held(clients: Clients, account: AccountId, cnpj: Cnpj, *, actor: str) -> _Held:
    with clients.database.session(account) as session:
        company = find_company(session, cnpj)
        uploads = session.scalars(select(UploadRow).where(UploadRow.company_id == company.id)).all()
        told = [cnpj.text, *(str(upload.id) for upload in uploads)]
        rows: dict[str, Sequence[Base]] = {
            "envios": uploads,
            "previsoes": session.scalars(select(RunRow).where(RunRow.company_id == company.id)).all(),
            "colunas": session.scalars(select(ColumnMappingRow).where(ColumnMappingRow.company_id == company.id)).all(),
            "auditoria": session.scalars(
                select(AuditRow).where(AuditRow.subject.in_(told)).order_by(AuditRow.created_at)
            ).all(),
        }
        waiting = session.scalars(select(DirectUploadRow.id).where(DirectUploadRow.cnpj == cnpj.text)).all()
        note(session, account, Deed(Action.EXPORTED, cnpj.text, actor))
    return _Held(company, rows, [*company.keys.folders, *(IncomingKeys(account, each).folder for each in waiting)])


def _keys(clients: Clients, folders: Sequence[str]) -> Iterator[str]:
    for folder in folders:
        yield from sorted(stored.key for stored in clients.store.list(folder))


def _add(clients: Clients, archive: zipfile.ZipFile, key: str) -> None:
    try:
        pieces = clients.store.stream(key)
    except ObjectMissing:  # its time was over between the listing and now
        return
    with archive.open(key if key.endswith(_OURS) else f"{key}.txt", "w", force_zip64=True) as entry:
        for piece in pieces:
            entry.write(piece)
    if key.rsplit("/", 1)[-1].startswith(_CSV_TOO) and key.endswith(".parquet"):
        frame = pl.read_parquet(clients.store.get(key))
        archive.writestr(key.removesuffix("parquet") + "csv", render(frame, Format.CSV))


def _facts(row: Base) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns if column.key != "account_id"}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, default=_text).encode()


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime) else str(value)
