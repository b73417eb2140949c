"""API keys of the account: made, listed, revoked."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from fastapi import APIRouter

from app.api.dependencies import AccountAdmin, ClientsOf
from app.api.schemas.accounts import KeyMade, Keys, KeyShown, KeyWanted
from app.api.schemas.problems import CALLER, CHANGING, problem_responses
from app.domain.cnpj import Cnpj
from app.domain.errors import InvalidRequest, UnknownKey
from app.domain.text import Text
from app.pipeline.access import WantedKey, list_keys, make_account_key, revoke_key

router = APIRouter(prefix="/keys", tags=["account"])

_NO_ZONE: Final = Text(
    "expires_at: faltou o fuso, como -03:00 no fim", "expires_at: its time zone is missing, such as -03:00 at the end"
)


@router.get("", responses=problem_responses(*CALLER))
def keys(caller: AccountAdmin, clients: ClientsOf) -> Keys:
    """Every key of the account, the newest first, without secrets."""
    return Keys(keys=[KeyShown.model_validate(key) for key in list_keys(clients, caller.account)])


@router.post("", status_code=HTTPStatus.CREATED, responses=problem_responses(*CHANGING))
def make_key(wanted: KeyWanted, caller: AccountAdmin, clients: ClientsOf) -> KeyMade:
    """Make a key. Its secret is in this answer and nowhere else, ever."""
    if wanted.expires_at is not None and wanted.expires_at.tzinfo is None:
        raise InvalidRequest(problems=_NO_ZONE)
    asked = WantedKey(
        name=wanted.name,
        scopes=wanted.scopes,
        cnpjs=None if wanted.cnpjs is None else [Cnpj(cnpj) for cnpj in wanted.cnpjs],
        requests_per_minute=wanted.requests_per_minute,
        expires_at=wanted.expires_at,
    )
    key, secret = make_account_key(clients, caller.account, asked, actor=caller.actor)
    return KeyMade.model_validate(key._asdict() | {"secret": secret})


@router.delete("/{key_id}", responses=problem_responses(*CHANGING, UnknownKey))
def revoke(key_id: UUID, caller: AccountAdmin, clients: ClientsOf) -> KeyShown:
    """Revoke a key, at once and for ever."""
    now = datetime.now(UTC)
    return KeyShown.model_validate(revoke_key(clients, caller.account, key_id, actor=caller.actor, now=now))
