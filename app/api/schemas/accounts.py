"""Keys, people, companies and the audit log as the API tells of them."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.api.schemas.readings import NextCursor
from app.domain.access import Scope
from app.domain.cnpj import Cnpj
from app.domain.errors import InvalidCnpj
from app.domain.states import State


def _printable(text: str) -> str:
    if not text.isprintable():
        raise PydanticCustomError("control_characters", "no control characters")
    return text.strip()


def _cnpj(text: str) -> str:
    try:
        return Cnpj.parse(text).text
    except InvalidCnpj as error:
        raise PydanticCustomError("cnpj", "{en}", {"pt": error.detail(), "en": error.detail("en")}) from error


Name = Annotated[str, Field(min_length=1, max_length=200, examples=["Ana Souza"]), AfterValidator(_printable)]
Email = Annotated[
    str,
    Field(min_length=3, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$", examples=["ana@padaria.com.br"]),
    AfterValidator(_printable),
]


class Strict(BaseModel):
    """What is sent to us: a field we do not know is a mistake, and is said to be one."""

    model_config = ConfigDict(extra="forbid")


class KeyWanted(Strict):
    """A key to be made."""

    name: Name = Field(examples=["ERP da matriz"])
    scopes: list[Scope] = Field(default=[Scope.UPLOAD, Scope.READ], min_length=1, max_length=3)
    cnpjs: list[Annotated[str, AfterValidator(_cnpj)]] | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="Only these companies; unset: all.",
        examples=[["12ABC34501DE35"]],
    )
    requests_per_minute: int | None = Field(default=None, ge=1, le=1_000_000, examples=[600])
    expires_at: dt.datetime | None = Field(
        default=None, description="With its time zone.", examples=["2027-11-22T00:00:00-03:00"]
    )


class KeyShown(BaseModel):
    """A key, without its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["ERP da matriz"])
    prefix: str = Field(description="The secret's first characters, to tell keys apart.", examples=["qk_3fK9a"])
    scopes: list[Scope]
    cnpjs: list[str] | None = Field(examples=[["12ABC34501DE35"]])
    requests_per_minute: int | None = Field(examples=[600])
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None = Field(description="To the minute.")
    revoked_at: dt.datetime | None = Field(examples=[None])


class KeyMade(KeyShown):
    """A key that was just made."""

    secret: str = Field(description="Shown this once.", examples=["qk_3fK9a..."])


class Keys(BaseModel):
    """Every key of the account."""

    keys: list[KeyShown]


class UserWanted(Strict):
    """A person to be made; they set their password by a link."""

    email: Email
    name: Name
    scopes: list[Scope] = Field(default=[Scope.UPLOAD, Scope.READ], min_length=1, max_length=3)


class UserShown(BaseModel):
    """A person of the account."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str = Field(examples=["ana@padaria.com.br"])
    name: str = Field(examples=["Ana Souza"])
    scopes: list[Scope]
    created_at: dt.datetime
    disabled_at: dt.datetime | None = Field(examples=[None])


class UserMade(UserShown):
    """A person that was just made."""

    link: str = Field(description="Sets the password and logs in, once, within a day.", examples=["/session/links/..."])


class Users(BaseModel):
    """Everybody of the account."""

    users: list[UserShown]


class Login(Strict):
    """Who logs in."""

    email: Email
    password: str = Field(min_length=1, max_length=1024, examples=["uma frase comprida"])


class NewPassword(Strict):
    """A password to be set by a link."""

    password: str = Field(max_length=1024, description="12 characters or more.", examples=["uma frase comprida"])


class SessionShown(BaseModel):
    """A browser's session."""

    scopes: list[Scope]
    expires_at: dt.datetime
    csrf_token: str = Field(
        description="Send it as `X-CSRF-Token` with whatever changes something.", examples=["9b1c6f..."]
    )


class CompanyShown(BaseModel):
    """A company of the account."""

    cnpj: str = Field(examples=["12ABC34501DE35"])
    name: str = Field(examples=["Padaria São João"])
    state: State | None = Field(description="Two letters (UF), as an upload told.", examples=["SP"])


class Companies(BaseModel):
    """Every company the caller may see."""

    companies: list[CompanyShown]


class AuditEntry(BaseModel):
    """One line of the audit log."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: dt.datetime
    actor: str = Field(
        description="`key:<id>`, `user:<id>` or `system`.", examples=["key:5f0e7a9c-2f4e-4d0b-8a53-7e6a7d2c9e10"]
    )
    action: str = Field(examples=["read"])
    subject: str = Field(description="A CNPJ, or the id of an upload, key or person.", examples=["12ABC34501DE35"])
    facts: dict[str, Any] = Field(examples=[{"what": "predictions"}])


class AuditPage(BaseModel):
    """Lines of the audit log, the newest first."""

    entries: list[AuditEntry]
    next_cursor: NextCursor


class RunShown(BaseModel):
    """One forecast of one company."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    upload_id: UUID | None
    stage: str = Field(examples=["published"])
    progress: int = Field(description="Percent of the stage.", examples=[100])
    timings: dict[str, Any] = Field(description="Seconds a stage.", examples=[{"load": 0.2, "train": 3.1}])
    metrics: dict[str, Any] = Field(
        description="First and last day of history, series by level, backtest, sales held out of the forecast.",
        examples=[{"first_day": "2024-01-02", "last_day": "2026-11-21", "series": {"company": 1, "product": 312}}],
    )
    created_at: dt.datetime
    finished_at: dt.datetime | None
    is_served: bool


class Runs(BaseModel):
    """Forecasts of one company, the newest first."""

    runs: list[RunShown]
    next_cursor: NextCursor


class ErasureShown(BaseModel):
    """The receipt of a company's erasure."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    cnpj: str = Field(examples=["12ABC34501DE35"])
    created_at: dt.datetime
    finished_at: dt.datetime | None = Field(description="Empty while it is being carried out.")
    removed: dict[str, Any] = Field(
        description="How many of each were removed.", examples=[{"uploads": 3, "runs": 3, "objects": 41}]
    )
