"""The service, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.api import crossing
from app.api.heads import Heads
from app.api.limits import Bounds, Patience
from app.api.manners import Manners
from app.api.observability import Observed
from app.api.openapi import describe, operation_id
from app.api.problems import register
from app.api.rates import Rates
from app.api.remembered import Answers, Remembered
from app.api.routes import ROUTERS
from app.api.watching import Watchers
from app.bootstrap import opened
from app.core.changes import Changes
from app.core.config import Settings
from app.pipeline.copies import following_erasures
from app.pipeline.warming import warm_up


def create_app(settings: Settings) -> FastAPI:
    """The HTTP service. Nothing is opened until it starts; everything is closed when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with opened(settings) as clients, Changes(clients.database) as changes:
            app.state.clients = clients
            app.state.changes = changes
            app.state.answers = Answers(changes)
            app.state.watchers = Watchers(changes)
            with following_erasures(clients, changes):
                await run_in_threadpool(warm_up, clients)
                yield

    app = FastAPI(
        title="Quantyfy",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    app.state.settings = settings
    app.state.rates = Rates(per_minute=settings.requests_per_minute)
    for router in ROUTERS:
        app.include_router(router)
    describe(app)
    register(app)
    _dress(app, settings)
    return app


def _dress(app: FastAPI, settings: Settings) -> None:
    """What every request passes, the last added first."""
    patience = Patience(pause=settings.body_pause_seconds, answer=settings.answer_seconds)
    app.add_middleware(Bounds, patience=patience)
    app.add_middleware(Remembered)
    app.add_middleware(Heads)
    crossing.allow(app, settings.cors_origins.split())
    app.add_middleware(Manners)
    app.add_middleware(Observed)
    if settings.trusted_proxies:  # outermost: nobody inside sees who came by which proxy
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=settings.trusted_proxies.split())
