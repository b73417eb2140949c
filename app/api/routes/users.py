"""People of the account."""

from datetime import UTC, datetime
from http import HTTPStatus

from fastapi import APIRouter

from app.api.dependencies import AccountAdmin, ClientsOf
from app.api.schemas.accounts import UserMade, Users, UserShown, UserWanted
from app.api.schemas.problems import CALLER, CHANGING, problem_responses
from app.domain.errors import AlreadyThere
from app.pipeline.people import list_users, make_link, make_user

router = APIRouter(prefix="/users", tags=["account"])


@router.get("", responses=problem_responses(*CALLER))
def users(caller: AccountAdmin, clients: ClientsOf) -> Users:
    """Everybody of the account."""
    return Users(users=[UserShown.model_validate(user) for user in list_users(clients, caller.account)])


@router.post("", status_code=HTTPStatus.CREATED, responses=problem_responses(*CHANGING, AlreadyThere))
def add_user(wanted: UserWanted, caller: AccountAdmin, clients: ClientsOf) -> UserMade:
    """Add a person; hand them the link, with which they set their password."""
    user = make_user(
        clients, caller.account, email=wanted.email, name=wanted.name, scopes=wanted.scopes, actor=caller.actor
    )
    secret = make_link(clients, caller.account, email=user.email, now=datetime.now(UTC))
    return UserMade.model_validate(user._asdict() | {"link": f"/session/links/{secret}"})
