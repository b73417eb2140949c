"""Uploads as the API tells of them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.api.schemas.readings import NextCursor
from app.domain.companies import kept_name
from app.domain.states import State
from app.domain.text import Language
from app.domain.uploads import LONGEST_TAB, PRINTABLE, Table, UploadState
from app.pipeline.uploads import Upload

Report = Annotated[
    dict[str, Any],
    Field(
        description="Rows in, accepted, rejected and skipped per table; findings per rule. Under `forecast`, once it is"
        " published: sales that it was made without.",
        examples=[
            {"tables": [{"table": "vendas_itens", "rows": {"in": 921, "accepted": 919, "rejected": 2, "skipped": 0}}]}
        ],
    ),
]


class UploadAccepted(BaseModel):
    """What `POST /upload` answers: where to ask how it goes."""

    id: UUID
    state: UploadState
    url: str = Field(examples=["/uploads/0b1f6a52-8f0e-4c3b-9a53-1f6a7d2c9e10"])


class Rehearsed(BaseModel):
    """What `POST /upload?dry_run=true` answers; nothing was stored."""

    recognised: list[dict[str, Any]] = Field(
        description="How each file was understood: columns, dialect.",
        examples=[[{"file": "itens.csv", "table": "vendas_itens", "columns": [{"header": "Cód.", "field": "sku"}]}]],
    )
    report: Report


class FileAnnounced(BaseModel):
    """A file that is going to be PUT."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=255, pattern=PRINTABLE, examples=["vendas_itens.csv"])
    table: Table | None = Field(default=None, description="Unset: we find out.")
    tab: str | None = Field(
        default=None,
        min_length=1,
        max_length=LONGEST_TAB,
        pattern=PRINTABLE,
        description="Of a workbook, the tab to read; unset: every visible tab that looks like a table.",
        examples=["Vendas"],
    )


class UploadAnnounced(BaseModel):
    """A delivery whose files go straight to the lake."""

    model_config = ConfigDict(extra="forbid")

    cnpj: str = Field(examples=["12ABC34501DE35"], max_length=40)
    company_name: Annotated[str, AfterValidator(kept_name)] = Field(
        min_length=1, max_length=200, examples=["Padaria São João"]
    )
    state: State | None = Field(
        default=None, description="Two letters (UF): the forecast then knows the state's own holidays.", examples=["SP"]
    )
    files: list[FileAnnounced] = Field(min_length=1, max_length=20)


class SlotShown(BaseModel):
    """Where one file is to be PUT."""

    name: str = Field(examples=["vendas_itens.csv"])
    url: str = Field(
        description="Of the lake itself, or of this service: then with your key.",
        examples=["/uploads/0b1f6a52-8f0e-4c3b-9a53-1f6a7d2c9e10/files/0"],
    )


class UploadPrepared(BaseModel):
    """A delivery that waits for its files."""

    id: UUID
    state: UploadState = UploadState.AWAITING
    files: list[SlotShown]
    expires_at: datetime
    complete: str = Field(
        description="POST here when all files are there.",
        examples=["/uploads/0b1f6a52-8f0e-4c3b-9a53-1f6a7d2c9e10/complete"],
    )


class UploadPage(BaseModel):
    """Uploads, the newest first."""

    uploads: list["UploadStatus"]
    next_cursor: NextCursor


class UploadError(BaseModel):
    """Why an upload failed."""

    code: str = Field(examples=["nothing-to-forecast"])
    title: str = Field(examples=["Ainda não há vendas para prever."])
    detail: str = Field(examples=["Nenhuma linha de venda concluída foi aceita."])


class UploadStatus(BaseModel):
    """One upload: how far it is, what was found in its files, how long each stage took."""

    id: UUID
    cnpj: str = Field(examples=["12ABC34501DE35"])
    state: UploadState
    stage: str | None = Field(description="Step of the forecast that is running.", examples=["train"])
    progress: int = Field(ge=0, le=100, description="Percent of that step.", examples=[40])
    created_at: datetime
    updated_at: datetime
    files: list[dict[str, Any]] = Field(
        description="Table, name, size, SHA-256 and key in the lake of each file.",
        examples=[[{"table": "vendas_itens", "name": "itens.csv", "bytes": 52133}]],
    )
    report: Report
    timings: dict[str, Any] = Field(description="Seconds per stage.", examples=[{"clean": 0.31, "merge": 0.08}])
    error: UploadError | None = Field(examples=[None])

    @classmethod
    def of(cls, upload: Upload, *, language: Language) -> "UploadStatus":
        """The upload in the reader's language."""
        words = upload.error and {
            "code": upload.error["code"],
            "title": upload.error["title"][language],
            "detail": upload.error["detail"][language],
        }
        return cls.model_validate(upload._asdict() | {"error": words})
