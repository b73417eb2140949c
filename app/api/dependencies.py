"""What routes ask for: the clients, who is asking, and which company."""

from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.core.clients import Clients
from app.core.config import Settings
from app.core.database import AccountId
from app.domain.cnpj import Cnpj
from app.domain.errors import NotAuthenticated
from app.pipeline import reading
from app.pipeline.companies import account_of_key

_bearer = HTTPBearer(auto_error=False, description="API key: `Authorization: Bearer qk_...`")


def clients_of(request: Request) -> Clients:
    """The outside world, opened when the service started."""
    return cast("Clients", request.app.state.clients)


def settings_of(request: Request) -> Settings:
    """The settings the service was made with."""
    return cast("Settings", request.app.state.settings)


ClientsOf = Annotated[Clients, Depends(clients_of)]
SettingsOf = Annotated[Settings, Depends(settings_of)]


def account_of(
    clients: ClientsOf, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> AccountId:
    """The account whose key came with the request.

    Raises:
        NotAuthenticated: no key came, or it is nobody's.
    """
    if credentials is None:
        raise NotAuthenticated
    return account_of_key(clients, credentials.credentials)


Account = Annotated[AccountId, Depends(account_of)]


def published_of(cnpj: str, account: Account, clients: ClientsOf) -> reading.Published:
    """What is served for the company in the path."""
    return reading.published(clients, account, Cnpj.parse(cnpj))


Published = Annotated[reading.Published, Depends(published_of)]
