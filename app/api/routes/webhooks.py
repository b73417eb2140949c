"""Webhooks: addresses that are told what happens to uploads."""

import datetime as dt
from http import HTTPStatus
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.dependencies import AccountAdmin, ClientsOf
from app.api.schemas.accounts import Strict
from app.api.schemas.problems import CALLER, CHANGING, problem_responses
from app.domain.errors import ForbiddenAddress, InvalidRequest, UnknownWebhook
from app.pipeline.webhooks import Event, deliveries, list_webhooks, make_webhook, remove_webhook

router = APIRouter(prefix="/webhooks", tags=["webhooks"])


class WebhookWanted(Strict):
    """A webhook to be made."""

    url: str = Field(max_length=2000, examples=["https://erp.example.com.br/quantyfy"], description="Public https.")
    events: list[Event] = Field(default=list(Event), min_length=1, max_length=2)


class WebhookShown(BaseModel):
    """A webhook, without its secret."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    url: str = Field(examples=["https://erp.example.com.br/quantyfy"])
    events: list[Event]
    created_at: dt.datetime
    disabled_at: dt.datetime | None = Field(description="Since it answered 410.", examples=[None])


class WebhookMade(WebhookShown):
    """A webhook that was just made."""

    secret: str = Field(description="Signs every message (Standard Webhooks); shown this once.", examples=["whsec_..."])


class Webhooks(BaseModel):
    """Every webhook of the account."""

    webhooks: list[WebhookShown]


class DeliveryShown(BaseModel):
    """One event and every attempt to deliver it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    event: str = Field(examples=["upload.published"])
    payload: dict[str, Any] = Field(examples=[{"type": "upload.published", "data": {"cnpj": "12ABC34501DE35"}}])
    attempts: list[dict[str, Any]] = Field(examples=[[{"at": "2026-11-22T14:03:07Z", "status": 204}]])
    created_at: dt.datetime
    next_attempt_at: dt.datetime | None = Field(examples=[None])
    delivered_at: dt.datetime | None


class Deliveries(BaseModel):
    """The last fifty events of a webhook, the newest first."""

    deliveries: list[DeliveryShown]


@router.get("", responses=problem_responses(*CALLER))
def webhooks(caller: AccountAdmin, clients: ClientsOf) -> Webhooks:
    """Every webhook of the account."""
    found = list_webhooks(clients, caller.account)
    return Webhooks(webhooks=[WebhookShown.model_validate(webhook) for webhook in found])


@router.post("", status_code=HTTPStatus.CREATED, responses=problem_responses(*CHANGING, ForbiddenAddress))
def add_webhook(wanted: WebhookWanted, caller: AccountAdmin, clients: ClientsOf) -> WebhookMade:
    """Have a public https address told what happens to uploads."""
    made, secret = make_webhook(clients, caller.account, wanted.url, events=wanted.events, actor=caller.actor)
    return WebhookMade.model_validate(made._asdict() | {"secret": secret})


@router.delete(
    "/{webhook_id}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=problem_responses(*CHANGING, UnknownWebhook),
)
def drop_webhook(webhook_id: UUID, caller: AccountAdmin, clients: ClientsOf) -> None:
    """Tell this address nothing more."""
    remove_webhook(clients, caller.account, webhook_id, actor=caller.actor)


@router.get("/{webhook_id}/deliveries", responses=problem_responses(*CALLER, InvalidRequest, UnknownWebhook))
def delivery_log(webhook_id: UUID, caller: AccountAdmin, clients: ClientsOf) -> Deliveries:
    """What was told, when, and what it answered."""
    found = deliveries(clients, caller.account, webhook_id)
    return Deliveries(deliveries=[DeliveryShown.model_validate(each) for each in found])
