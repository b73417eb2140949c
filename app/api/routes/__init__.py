"""One file a subject; each route parses, calls one story, and shapes the answer."""

from typing import Final

from app.api.routes import (
    accuracy,
    audit,
    companies,
    direct,
    docs,
    health,
    keys,
    metrics,
    predictions,
    problems,
    products,
    runs,
    sales,
    session,
    upload,
    uploads,
    users,
    webhooks,
    welcome,
)

_ROOMS = (
    *(upload, uploads, direct, predictions, products, sales, accuracy, runs, companies),
    *(webhooks, keys, users, session, welcome, audit, health, metrics, problems, docs),
)
ROUTERS: Final = tuple(room.router for room in _ROOMS)
