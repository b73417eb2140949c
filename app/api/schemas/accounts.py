"""Keys, people, companies and the audit log as the API tells of them."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from app.domain.access import Scope
from app.domain.cnpj import Cnpj
from app.domain.errors import InvalidCnpj


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("no control characters")
    return text.strip()


def _cnpj(text: str) -> str:
    try:
        return Cnpj.parse(text).text
    except InvalidCnpj as error:
        raise ValueError(error.detail("en")) from error


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_printable)]
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
    requests_per_minute: int | None = Field(default=None, ge=1, le=1_000_000)
    expires_at: dt.datetime | None = Field(default=None, description="With its time zone.")


class KeyShown(BaseModel):
    """A key, without its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    prefix: str = Field(description="The secret's first characters, to tell keys apart.", examples=["qk_3fK9a"])
    scopes: list[Scope]
    cnpjs: list[str] | None
    requests_per_minute: int | None
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None = Field(description="To the minute.")
    revoked_at: dt.datetime | None


class KeyMade(KeyShown):
    """A key that was just made."""

    secret: str = Field(description="Shown this once.", examples=["qk_..."])


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
    email: str
    name: str
    scopes: list[Scope]
    created_at: dt.datetime
    disabled_at: dt.datetime | None


class UserMade(UserShown):
    """A person that was just made."""

    link: str = Field(description="Sets the password and logs in, once, within a day.", examples=["/session/links/..."])


class Users(BaseModel):
    """Everybody of the account."""

    users: list[UserShown]


class Login(Strict):
    """Who logs in."""

    email: Email
    password: str = Field(min_length=1, max_length=1024)


class NewPassword(Strict):
    """A password to be set by a link."""

    password: str = Field(max_length=1024, description="12 characters or more.")


class SessionShown(BaseModel):
    """A browser's session."""

    scopes: list[Scope]
    expires_at: dt.datetime
    csrf_token: str = Field(description="Send it as `X-CSRF-Token` with whatever changes something.")


class CompanyShown(BaseModel):
    """A company of the account."""

    cnpj: str
    name: str


class Companies(BaseModel):
    """Every company the caller may see."""

    companies: list[CompanyShown]


class AuditEntry(BaseModel):
    """One line of the audit log."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    created_at: dt.datetime
    actor: str = Field(description="`key:<id>`, `user:<id>` or `system`.")
    action: str
    subject: str
    facts: dict[str, Any]


class AuditPage(BaseModel):
    """Lines of the audit log, the newest first."""

    entries: list[AuditEntry]
    next_cursor: str | None


class RunShown(BaseModel):
    """One forecast of one company."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    upload_id: UUID | None
    stage: str
    progress: int
    timings: dict[str, Any]
    metrics: dict[str, Any] = Field(description="First and last day of history, series by level, backtest.")
    created_at: dt.datetime
    finished_at: dt.datetime | None
    is_served: bool


class Runs(BaseModel):
    """Forecasts of one company, the newest first."""

    runs: list[RunShown]
    next_cursor: str | None


class ErasureShown(BaseModel):
    """The receipt of a company's erasure."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    cnpj: str
    created_at: dt.datetime
    finished_at: dt.datetime | None = Field(description="Empty while it is being carried out.")
    removed: dict[str, Any] = Field(description="How many of each were removed.")
