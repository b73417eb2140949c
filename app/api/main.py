"""The service, put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from app.api.limits import BodyLimit
from app.api.observability import Observed
from app.api.problems import register
from app.api.rates import Rates
from app.api.routes import accuracy, health, metrics, predictions, problems, products, sales, upload
from app.bootstrap import opened
from app.core.config import Settings

_ROUTES = (upload, predictions, products, sales, accuracy, health, metrics, problems)


def create_app(settings: Settings) -> FastAPI:
    """The HTTP service. Nothing is opened until it starts; everything is closed when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with opened(settings) as clients:
            app.state.clients = clients
            yield

    app = FastAPI(
        title="Quantyfy",
        summary="Demand forecasts for Brazilian shops, from the spreadsheets their systems already export",
        version="0.1.0",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.rates = Rates(per_minute=settings.requests_per_minute)
    for room in _ROUTES:
        app.include_router(room.router)
    register(app)
    app.add_middleware(BodyLimit, limit_bytes=settings.upload_limit_bytes)
    app.add_middleware(Observed)
    return app
