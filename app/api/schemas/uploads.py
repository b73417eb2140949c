"""Uploads as the API tells of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from app.domain.text import Language
from app.domain.uploads import UploadState
from app.pipeline.uploads import Upload


class UploadAccepted(BaseModel):
    """What `POST /upload` answers: where to ask how it goes."""

    id: UUID
    state: UploadState
    url: str = Field(examples=["/uploads/0b1f..."])


class UploadError(BaseModel):
    """Why an upload failed."""

    code: str
    title: str
    detail: str


class UploadStatus(BaseModel):
    """One upload: how far it is, what was found in its files, how long each stage took."""

    id: UUID
    cnpj: str
    state: UploadState
    stage: str | None = Field(description="Step of the forecast that is running.")
    progress: int = Field(ge=0, le=100, description="Percent of that step.")
    created_at: datetime
    updated_at: datetime
    files: list[dict[str, Any]] = Field(description="Table, name, size, SHA-256 and key in the lake of each file.")
    report: dict[str, Any] = Field(description="Rows in, accepted, rejected and skipped per table; findings per rule.")
    timings: dict[str, Any] = Field(description="Seconds per stage.")
    error: UploadError | None

    @classmethod
    def of(cls, upload: Upload, *, language: Language) -> "UploadStatus":
        """The upload in the reader's language."""
        words = upload.error and {
            "code": upload.error["code"],
            "title": upload.error["title"][language],
            "detail": upload.error["detail"][language],
        }
        return cls.model_validate(upload._asdict() | {"error": words})
